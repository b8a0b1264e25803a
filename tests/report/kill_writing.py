"""Results written over others and killed with SIGKILL just before every thing that they do to the file system.

Run as a script: ``kill_writing.py FOLDER``. Results of experiment A lie there, with files of the user's own among them;
then experiment B is written there, or A once more with another ranking. After each kill the same is called again,
undisturbed: everything must then be as if nothing had been killed.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from runner.images.thumbnails import Thumbnails
from runner.report.inputs import Results
from runner.report.rank_folders import RankedTrial, remove_stale_folders, roll_back_swaps, write_rank_folder
from runner.results.archive import archive_previous
from runner.results.files import write_results
from runner.results.paths import STATE
from runner.results.state import begin, finish
from runner.results.work_folder import leftovers, remove_leftovers
from runner.score.cluster_statistics import cluster_facts
from tests.export.kill_points import run_and_die
from tests.report.experiments import KEYS, image_names, make_results

NOTES = ("notes.txt", "clusters/my favourite.jpg")


def main(folder: Path) -> None:
    names, key = image_names(4), KEYS[:1]
    one = make_results(folder / "images", names, keys=key, fingerprint="a" * 32, clusters=(2,))
    again = make_results(folder / "images", names, keys=key, fingerprint="a" * 32, clusters=(1, 3))
    other = make_results(folder / "images", names, keys=key, fingerprint="b" * 32, clusters=(3,))
    for what, second in (("another experiment", other), ("the same experiment", again)):
        before = folder / "before"
        _write(before, one)
        for name in NOTES:
            (before / "rank_01_kmeans" / name).write_text("mine")
        out, done = folder / "out", folder / "done"
        shutil.copytree(before, done)
        _write(done, second)
        expected = _contents(done)
        assert sum(content == b"mine" for content in expected.values()) == len(NOTES)
        points = _kill_everywhere(before, out, partial(_write, out, second), expected)
        print(f"{what}: killed at {points} points", flush=True)
        for each in (before, out, done):
            shutil.rmtree(each)


def _kill_everywhere(before: Path, out: Path, write: Callable[[], None], expected: dict[str, bytes]) -> int:
    point, events = 0, None
    while events is None:
        point += 1
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(before, out)
        events = run_and_die(write, (str(out),), point)
        write()
        found = _contents(out)
        different = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
        assert not different, f"killed at {point}: {different}"
        assert not leftovers(out)
    return point - 1


def _write(out: Path, results: Results) -> None:
    """As an experiment does, without the plots, which are single files."""
    out.mkdir(exist_ok=True)
    remove_leftovers(out)
    roll_back_swaps(out)
    summary = results.summary
    archive_previous(out, summary.experiment.fingerprint)
    begin(out, summary.experiment.fingerprint)
    write_results(out, summary, results.images, results.labels, results.config_yaml)
    thumbnails = Thumbnails(results.images.paths)
    folders = set()
    for rank, trial in enumerate(results.top_trials(2), start=1):
        facts = cluster_facts(results.labels(trial.id), results.vectors(trial.embedding))
        folders.add(write_rank_folder(out, RankedTrial(rank, trial, facts), results, thumbnails).name)
    remove_stale_folders(out, folders)
    finish(out, summary, 2, ())


def _contents(out: Path) -> dict[str, bytes]:
    return {
        path.relative_to(out).as_posix(): b"" if path.is_dir() else path.read_bytes()
        for path in out.rglob("*")
        if path.name != STATE
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
