"""What FiftyOne reads of the plugin before anything runs, and what it shows where the engine is not there."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import threading
import zipfile
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from tests.needs import unavailable
from tests.plugin.conftest import ROOT, URI

NO_PACKAGES = """
import importlib.metadata as metadata
found = metadata.version
def version(name):
    if name in {missing!r}:
        raise metadata.PackageNotFoundError(name)
    return found(name)
metadata.version = version
"""


def run_python(code: str, *arguments: str, cwd: Path = ROOT) -> str:
    done = subprocess.run(
        [sys.executable, *arguments, "-c", code], capture_output=True, text=True, cwd=cwd, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_operator_is_listed_in_the_manifest_and_registered(plugin: None) -> None:
    import fiftyone.operators as foo

    manifest = yaml.safe_load((ROOT / "fiftyone.yml").read_text())
    registered = {operator.uri.removeprefix(f"{URI}/") for operator in foo.list_operators() if URI in operator.uri}
    assert registered == {*manifest["operators"], *manifest["panels"]}


def test_every_operator_says_what_it_is(plugin: None) -> None:
    import fiftyone.operators as foo

    for operator in foo.list_operators(type="operator"):
        if URI in operator.uri:
            assert operator.config.description and operator.config.icon
            assert operator.config.risk_level.value != "dangerous"


def test_the_versions_agree() -> None:
    import runner

    assert yaml.safe_load((ROOT / "fiftyone.yml").read_text())["version"] == runner.__version__


def test_missing_packages_are_named_with_the_remedy() -> None:
    code = (
        NO_PACKAGES.format(missing=["torch", "evoc"]) + "from plugin.engine import engine_state; print(engine_state())"
    )
    said = run_python(code)
    assert "torch" in said and "evoc" in said and "fiftyone plugins requirements" in said


def test_the_engine_of_the_repository_is_found_where_none_is_installed(tmp_path: Path) -> None:
    code = f"""
import importlib.util, sys
sys.path = [path for path in sys.path if path not in ("", {str(ROOT)!r})]
sys.meta_path = [finder for finder in sys.meta_path if "__editable__" not in getattr(finder, "__module__", "")]
spec = importlib.util.spec_from_file_location("engine", {str(ROOT / "plugin" / "engine.py")!r})
module = importlib.util.module_from_spec(spec)
sys.modules["engine"] = module
spec.loader.exec_module(module)
try:
    import runner
    print("installed", runner.__file__)
except ImportError:
    print("not installed")
state = module.engine_state()
import runner
print(state, runner.__file__)
"""
    said = run_python(code, cwd=tmp_path)
    assert said.startswith("not installed") and "problem=None, note=None" in said and str(ROOT) in said


@pytest.mark.parametrize(
    ("package", "told"),
    [("__version__ = '9.9'\nExperimentConfig = None\n", "9.9"), ("x = 1\n", "Another package named runner")],
)
def test_another_engine_is_used_and_said_or_refused(tmp_path: Path, package: str, told: str) -> None:
    (tmp_path / "runner").mkdir()
    (tmp_path / "runner" / "__init__.py").write_text(package)
    code = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
import runner
sys.path.append({str(ROOT)!r})
from plugin.engine import engine_state
print(engine_state())
"""
    assert told in run_python(code, cwd=tmp_path)


def test_the_entry_imports_nothing_heavy() -> None:
    code = """
import sys, fiftyone
before = set(sys.modules)
import plugin.catalogue
print({"torch", "mlflow", "lance", "numba", "pandas"} & set(sys.modules) - before)
"""
    assert run_python(code).strip().endswith("set()")


LISTED = """
import json, sys
sys.path = [path for path in sys.path if path not in ("", sys.argv[1])]
sys.meta_path = [finder for finder in sys.meta_path if "__editable__" not in getattr(finder, "__module__", "")]
import fiftyone.operators as foo
uris = [operator.uri for operator in foo.list_operators() if "imagesweep" in operator.uri]
state = sys.modules["fiftyone.plugins.orgs.imagesweep.clustering.engine"].engine_state()
import runner
print(json.dumps([uris, state.problem, runner.__file__]))
"""


@pytest.mark.check
def test_downloaded_as_a_zip_it_brings_its_engine(fiftyone: ModuleType, tmp_path: Path) -> None:
    """As from GitHub: one folder in the archive; no engine is installed."""
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if tracked.returncode:
        unavailable("this is no git repository, which says what an archive of it would hold")
    (tmp_path / "www").mkdir()
    with zipfile.ZipFile(tmp_path / "www" / "main.zip", "w") as archive:
        for name in filter(None, tracked.stdout.split("\0")):
            if (ROOT / name).is_file():
                archive.write(ROOT / name, f"imagesweep-main/{name}")
    environment = {**os.environ, "FIFTYONE_PLUGINS_DIR": str(tmp_path / "plugins")}
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "www"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/main.zip"
        for command in (["download", address], ["requirements", URI, "--ensure"]):
            fiftyone_command = [str(Path(sys.executable).with_name("fiftyone")), "plugins", *command]
            done = subprocess.run(fiftyone_command, env=environment, capture_output=True, text=True, cwd=tmp_path)
            assert done.returncode == 0, done.stderr
        server.shutdown()
    command = [sys.executable, "-c", LISTED, str(ROOT)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    uris, problem, engine = json.loads(done.stdout.strip().splitlines()[-1])
    manifest = yaml.safe_load((ROOT / "fiftyone.yml").read_text())
    assert {uri.removeprefix(f"{URI}/") for uri in uris} == {*manifest["operators"], *manifest["panels"]}
    assert problem is None and engine == str(tmp_path / "plugins" / URI / "runner" / "__init__.py")
