"""MongoDB goes away in the middle of a run: a sentence for everybody, nothing half-written, and the run is resumed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.plugin.conftest import ROOT

AWAY = "FiftyOne's database can't be reached (127.0.0.1"
NOTHING: dict[str, list[str]] = {"runs": [], "fields": [], "views": []}


@pytest.fixture(scope="module")
def seen(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the program saw whose server was killed twice: in a run at once, and in one in the background."""
    folder = tmp_path_factory.mktemp("away") / "work"
    command = [sys.executable, "-m", "tests.plugin.without_database", str(photos), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


@pytest.mark.check
def test_a_run_at_once_ends_with_a_sentence_and_is_resumed(seen: dict[str, Any]) -> None:
    told = seen["at_once"]
    assert told["kind"] == "RunnerError" and told["notified"] == told["error"]
    assert "the results are complete in" in told["error"] and AWAY in told["error"] and len(told["error"]) < 500
    assert seen["after_at_once"] == NOTHING
    assert set(seen["resumed"]["runs"]) == {"at_once", "at_once_sweep"} and len(seen["resumed"]["fields"]) == 1


@pytest.mark.check
@pytest.mark.parametrize("what", ["form", "panel"])
def test_forms_and_the_panel_say_so(seen: dict[str, Any], what: str) -> None:
    assert seen[what].startswith(AWAY)


@pytest.mark.check
def test_a_run_in_the_background_says_so_in_the_log_and_is_marked_as_failed(seen: dict[str, Any]) -> None:
    assert AWAY in seen["worker"]
    assert seen["after_later"] == seen["resumed"]
    assert seen["operation"] == "failed"
    assert seen["shown"]["label"] == "later: failed" and "run it again" in seen["shown"]["description"]
