"""Kill the logging of an experiment before every commit and every copied file, log again, and compare the stores.

Run as ``python crash_and_resume.py FOLDER``, where FOLDER holds ``summary.json`` and ``files/``. Prints one JSON
object: how many places it was killed at, in which of them the store came out different from an undisturbed one, and how
a store fared whose creation was killed. A program of its own, as it forks: each attempt is a process that really dies.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from runner.integrations.mlflow.experiment_log import check_store, log_experiment
from runner.integrations.mlflow.run_log import ImagesDataset
from runner.integrations.mlflow.run_records import files_below
from runner.integrations.mlflow.tracking_uri import ARTIFACTS, STORE, default_tracking_uri
from runner.results.summary import Summary

CONTENT = {
    "params": "SELECT run_uuid, key, value FROM params",
    "metrics": "SELECT run_uuid, key, value, timestamp, step, is_nan FROM metrics",
    "latest": "SELECT run_uuid, key, value, timestamp, step FROM latest_metrics",
    "tags": "SELECT run_uuid, key, value FROM tags",
    "runs": "SELECT run_uuid, name, status, start_time, end_time, lifecycle_stage FROM runs",
    "datasets": "SELECT destination_id, name, digest FROM inputs JOIN datasets ON source_id = dataset_uuid",
}


def snapshot(out: Path) -> dict[str, list[list[object]]]:
    """All that the store holds, with the trial's id in place of the random run id."""
    connection = sqlite3.connect(out / STORE)
    keys = dict(connection.execute("SELECT run_uuid, value FROM tags WHERE key = 'imagesweep.trial'"))
    keys |= {run: "parent" for (run,) in connection.execute("SELECT run_uuid FROM runs") if run not in keys}
    content = {name: _named(connection.execute(query).fetchall(), keys) for name, query in CONTENT.items()}
    connection.close()
    artifacts = out / ARTIFACTS
    stored = [path for path in artifacts.rglob("*") if path.is_file()]
    content["files"] = _named([(*path.relative_to(artifacts).parts, path.read_text()) for path in stored], keys)
    return content


def _named(rows: list[tuple[object, ...]], keys: dict[str, str]) -> list[list[object]]:
    digests = {"imagesweep.content"}  # they cover the parent's run id
    kept = [row for row in rows if not digests & {str(value) for value in row}]
    return sorted(([keys.get(str(value), value) for value in row] for row in kept), key=json.dumps)


def in_a_process(action: Callable[[], object]) -> int:
    """Exit status of a process that does ``action``; negative if a signal ended it."""
    child = os.fork()
    if child == 0:
        try:
            action()
        except BaseException as error:
            print(error, file=sys.stderr)
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killed_at(step: int, action: Callable[[], object]) -> None:
    """Do ``action``, but be killed just before commit or file copy number ``step``."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    left = [step]

    def count(*_: object) -> None:
        left[0] -= 1
        if left[0] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "commit", count)
    sys.addaudithook(lambda name, arguments: count() if name == "shutil.copyfile" else None)
    action()


def main(folder: Path) -> None:
    summary = Summary.model_validate_json((folder / "summary.json").read_text())
    files = files_below(folder / "files", sorted((folder / "files").iterdir()))
    out = folder / "out"
    template = folder / "template.db"
    uri = default_tracking_uri(out)

    def log() -> None:
        log_experiment(
            summary,
            tracking_uri=uri,
            experiment_name="stamps",
            out=out,
            dataset=ImagesDataset("stamps", "/images/stamps", "0123456789abcdef", 100),
            trial_files=lambda trial_id: files if trial_id == summary.ranking[0] else {},
            experiment_files=lambda run_id: dict([*files.items()][:1]),
        )

    fresh = folder / "fresh"
    create = partial(check_store, default_tracking_uri(fresh), "stamps", fresh)
    creations = [in_a_process(partial(killed_at, 40, create)), in_a_process(create)]

    check_store(uri, "stamps", out)  # MLflow keeps the store open: the processes below need not check it again
    shutil.copy(out / STORE, template)

    def start_over() -> None:
        shutil.rmtree(out)
        out.mkdir()
        shutil.copy(template, out / STORE)

    start_over()
    assert in_a_process(log) == 0
    undisturbed = snapshot(out)
    different, step = [], 0
    while True:
        step += 1
        start_over()
        status = in_a_process(partial(killed_at, step, log))
        if status == 0:
            break
        again = in_a_process(log)
        if status != -signal.SIGKILL or again != 0 or snapshot(out) != undisturbed:
            different.append((step, status, again))
    report = {"killed": step - 1, "different": different, "runs": len(undisturbed["runs"])}
    print(json.dumps(report | {"creations": creations, "fresh": sorted(path.name for path in fresh.iterdir())}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
