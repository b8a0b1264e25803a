"""Downloads, against servers of our own on this machine."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from runner.embed.architectures import WeightsSource
from runner.embed.weights import hub

WEIGHTS = b"some weights" * 1000
COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(BaseHTTPRequestHandler):
    """What the Hugging Face hub answers, for one repository with one file."""

    files: ClassVar = {"/laion/CLIP-ViT-B-32-laion2B-s34B-b79K/resolve/main/open_clip_pytorch_model.bin": WEIGHTS}

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        content = self.files.get(self.path)
        self.send_response(200 if content else 404)
        self.send_header("Content-Length", str(len(content or b"")))
        self.send_header("X-Repo-Commit", COMMIT)
        if content:
            self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        else:
            self.send_header("X-Error-Code", "EntryNotFound")
        self.end_headers()
        if body and content:
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


class Cut(Hub):
    """A server whose connection breaks in the middle of a file."""

    def _answer(self, body: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(WEIGHTS)))
        self.end_headers()
        if body:
            self.wfile.write(WEIGHTS[: len(WEIGHTS) // 2])


class Broken(Hub):
    def _answer(self, body: bool) -> None:
        self.send_response(503)
        self.end_headers()


def serve(handler: type[Hub]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def working_hub() -> Iterator[str]:
    yield from serve(Hub)


@pytest.fixture
def broken_hub() -> Iterator[str]:
    yield from serve(Broken)


@pytest.fixture
def silent_hub() -> Iterator[str]:
    """Takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def resolve(name: str, folder: Path, endpoint: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Resolve a model in a process of its own, as huggingface_hub reads its settings once."""
    code = (
        "import sys; from pathlib import Path; from runner.errors import RunnerError\n"
        "from runner.embed.recipe_resolver import ModelResolver\n"
        "try: recipe = ModelResolver(Path(sys.argv[2])).resolve(sys.argv[1])\n"
        "except RunnerError as error: sys.exit(f'{error}')\n"
        "print(recipe.weights_file.read_bytes() == b'some weights' * 1000, recipe.fingerprint)"
    )
    settings = {"HF_ENDPOINT": endpoint, "HF_HOME": str(folder / "hf"), "HF_HUB_DISABLE_XET": "1", **environment}
    return subprocess.run(
        [sys.executable, "-c", code, name, str(folder)], env=os.environ | settings, capture_output=True, text=True
    )


@pytest.mark.timeout(60)
def test_weights_are_fetched_once_and_then_need_no_network(working_hub: str, tmp_path: Path) -> None:
    name = "ViT-B-32:laion2b_s34b_b79k"
    fetched = resolve(name, tmp_path, working_hub)
    assert fetched.stdout.startswith("True"), fetched.stderr
    again = resolve(name, tmp_path, "http://127.0.0.1:9")
    assert again.stdout == fetched.stdout, again.stderr


def assert_one_sentence(result: subprocess.CompletedProcess[str], name: str, reason: str) -> None:
    assert result.returncode == 1
    (line,) = (line for line in result.stderr.splitlines() if line)
    assert line.startswith(name)
    assert reason in line
    assert "local checkpoint" in line
    assert "efficientnet_lite0" in line


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", ["ViT-L-14:openai", "hf-hub:someone/some-model"])
def test_a_name_that_does_not_resolve(tmp_path: Path, name: str) -> None:
    assert_one_sentence(resolve(name, tmp_path, "http://hub.invalid"), name, "hub.invalid, which can't be reached")


@pytest.mark.timeout(20)
def test_a_hub_that_refuses(tmp_path: Path) -> None:
    assert_one_sentence(resolve("ViT-B-32", tmp_path, "http://127.0.0.1:9"), "ViT-B-32:openai", "can't be reached")


@pytest.mark.timeout(20)
def test_a_hub_that_never_answers(tmp_path: Path, silent_hub: str) -> None:
    assert_one_sentence(resolve("ViT-B-32", tmp_path, silent_hub), "ViT-B-32:openai", "timed out")


@pytest.mark.timeout(20)
def test_a_hub_that_is_down(tmp_path: Path, broken_hub: str) -> None:
    assert_one_sentence(resolve("ViT-B-32", tmp_path, broken_hub), "ViT-B-32:openai", "status 503")


@pytest.mark.timeout(20)
def test_offline_mode(tmp_path: Path, working_hub: str) -> None:
    result = resolve("ViT-B-32", tmp_path, working_hub, HF_HUB_OFFLINE="1")
    assert_one_sentence(result, "ViT-B-32:openai", "offline mode is enabled")


@pytest.mark.timeout(20)
def test_a_repository_without_weights(tmp_path: Path, working_hub: str) -> None:
    result = resolve("hf-hub:someone/some-model", tmp_path, working_hub)
    assert_one_sentence(result, "hf-hub:someone/some-model", "has none of open_clip_config.json")


def test_files_from_plain_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = hashlib.sha256(WEIGHTS).hexdigest()
    good, bad = f"/weights-{digest[:8]}.pth", f"/weights-{'0' * 8}.pth"
    monkeypatch.setattr(Hub, "files", {good: WEIGHTS, bad: WEIGHTS})
    for endpoint in serve(Hub):
        source = WeightsSource(url=endpoint + good)
        assert hub.find_cached(source, tmp_path) is None
        assert hub.fetch(source, tmp_path).read_bytes() == WEIGHTS
        assert hub.find_cached(source, tmp_path) == tmp_path / good[1:]
        with pytest.raises(hub.HubError, match="damaged"):
            hub.fetch(WeightsSource(url=endpoint + bad), tmp_path)
        with pytest.raises(hub.HubError, match="404"):
            hub.fetch(WeightsSource(url=endpoint + "/absent.pth"), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [good[1:]]


def test_half_a_file_is_not_kept(tmp_path: Path) -> None:
    for endpoint in serve(Cut):
        source = WeightsSource(url=f"{endpoint}/IN1K-vit.h.14-300e.pth.tar")  # whose name holds no hash
        with pytest.raises(hub.HubError, match="sent 6,000 of the 12,000 bytes of IN1K"):
            hub.fetch(source, tmp_path)
        assert hub.find_cached(source, tmp_path) is None and not any(tmp_path.iterdir())
