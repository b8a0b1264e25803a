"""Whatever is killed, and when: an undo restores every byte and path."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.export import kill_points
from tests.export.finished_results import write_finished
from tests.needs import unavailable
from tests.report.experiments import image_names

SHARED_MEMORY = Path("/dev/shm")
POINTS = 8


@pytest.fixture
def other_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on another file system, to which a file can't be moved by its name alone."""
    if not SHARED_MEMORY.is_dir() or SHARED_MEMORY.stat().st_dev == tmp_path.stat().st_dev:
        unavailable(f"{SHARED_MEMORY} is no file system of its own, to move files to and from")
    with tempfile.TemporaryDirectory(dir=SHARED_MEMORY) as folder:
        yield Path(folder)


def _kill_everywhere(results: Path, to: Path, points: int) -> str:
    arguments = [results, results.parent / "images", to, points, 7]
    run = subprocess.run(
        [sys.executable, kill_points.__file__, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=280,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "TQDM_DISABLE": "1"},
    )
    assert run.returncode == 0, run.stderr[-2000:]
    return run.stdout


@pytest.mark.check
@pytest.mark.parametrize("disk", ["same", "other"])
def test_killed_moves_are_undone_byte_for_byte(tmp_path: Path, disk: str, request: pytest.FixtureRequest) -> None:
    results = write_finished(tmp_path, [*image_names(120), "a/1.png", "b/1.png"])
    to = tmp_path / "to" if disk == "same" else request.getfixturevalue("other_disk") / "to"
    told = _kill_everywhere(results, to, POINTS)
    assert f"{POINTS} exports" in told
    assert int(told.split(", ")[1].split()[0]) > POINTS / 2
