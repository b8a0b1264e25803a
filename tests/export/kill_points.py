"""Exports and undos killed with SIGKILL just before the Nth thing that they do to the file system.

Run as a script: ``kill_points.py RESULTS IMAGES TO POINTS SEED``. For each of so many random points a forked process
moves all images to TO and dies there; another undoes that and dies as well; a last one undoes the rest. Then every
file must have the bytes, the time and the place that it had. Python's audit hooks tell what is about to be done, so
that nothing of the program is replaced.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

EVENTS = ("open", "os.link", "os.remove", "os.mkdir", "os.rename", "os.rmdir", "os.truncate", "os.utime", "os.chmod")


def run_and_die(action: Callable[[], object], folders: tuple[str, ...], at: int | None) -> int | None:
    """Fork, do ``action`` and kill it before event ``at``; None if it was killed, else how many events there were."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        seen = 0

        def count(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal seen
            if event in EVENTS and str(arguments[0]).startswith(folders):
                seen += 1
                if seen == at:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        try:
            action()
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            os._exit(1)
        os.write(writing, str(seen).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        told = pipe.read()
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        return None
    if os.WEXITSTATUS(status):
        raise AssertionError("the export or undo failed by itself")
    return int(told)


def main(results: Path, images: Path, to: Path, points: int, seed: int) -> None:
    from runner.export.config import ExportConfig, How
    from runner.export.export import export_clusters
    from runner.export.undo import undo_export
    from tests.export.finished_results import snapshot

    generator = random.Random(seed)
    before = snapshot(images)
    config = ExportConfig(results=results, to=to, how=How.MOVE)
    folders = str(images), str(to)
    events = run_and_die(lambda: export_clusters(config), folders, None)
    undo_events = run_and_die(lambda: _undo(to), folders, None)
    assert events and undo_events
    killed = [0, 0]
    for _ in range(points):
        shutil.rmtree(to, ignore_errors=True)
        killed[0] += run_and_die(lambda: export_clusters(config), folders, generator.randint(1, events)) is None
        if not to.exists():
            continue
        for _ in range(2):
            killed[1] += run_and_die(lambda: _undo(to), folders, generator.randint(1, undo_events)) is None
        run_and_die(lambda: _undo(to), folders, None)
        after = snapshot(images)
        changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
        for name in changed[:1]:
            raise AssertionError(f"{len(changed)} files differ: {name} {before.get(name)} became {after.get(name)}")
        left = [path for path in to.rglob("*") if path.name != "manifest-undone.jsonl"]
        assert not left, f"{left[0]} was left behind"
        assert undo_export(to).already
    print(f"{points} exports, {killed[0]} killed; {2 * points} undos, {killed[1]} killed")


def _undo(to: Path) -> None:
    from runner.errors import RunnerError
    from runner.export.undo import undo_export

    try:
        kept = undo_export(to).kept
    except RunnerError as error:
        if "holds no export" not in str(error):  # killed before there was a manifest
            raise
        shutil.rmtree(to)
        to.mkdir()
        (to / "manifest-undone.jsonl").touch()
        return
    assert not kept, f"{kept[0].path} {kept[0].reason}"


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))
