"""A small experiment in a folder of its own, run as a process, and what it leaves behind."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
from PIL import Image

from runner.embed.cache.vector_table import VectorTable
from tests.needs import CACHES

MARK = "IMAGESWEEP_FAULT_WORLD"
"""Environment variable by which the processes of a world are told from all others."""

PATIENCE = 600
"""Seconds after which a run counts as hanging."""

END_PATIENCE = 10
"""Seconds within which workers must have ended after their driver; a worker may be inside a long import."""

_SETTINGS = ["--models", "pixels", "hog", "--mode", "debug", "--set", "sweep.threshold.similarity=0.9"]
_RUN_DEPENDENT = {"seconds", "finished_at", "mlflow_run_id", "tracking_uri", "embedded", "cached", "attempts"}
"""Keys of the summary that may differ between a run that was disturbed and one that was not."""


@dataclass(frozen=True)
class World:
    """Images, results, cache and temporary files of one attempt; ``images`` is shared and only read.

    Attributes:
        folder: of this world.
        images: the images.
    """

    folder: Path
    images: Path

    @property
    def results(self) -> Path:
        return self.folder / "results"

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    @property
    def temporary(self) -> Path:
        return self.folder / "tmp"

    def copy_to(self, folder: Path) -> World:
        """The same world in another place; absolute paths inside results are those of ``self`` until the next run."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return World(folder, self.images)

    def command(self) -> list[str]:
        places = ["--images", str(self.images), "--out", str(self.results), "--cache-dir", str(self.cache)]
        return [
            *(sys.executable, "-m", "runner", "experiment", *places, *_SETTINGS),
            *("--labels", "folder", "--workers", "2", "--top", "2", "--experiment-name", "faults"),
        ]

    def start(self, *, wrapper: tuple[str, ...] = (), environment: Mapping[str, str] = os.environ) -> subprocess.Popen:
        """Start the experiment; its output goes to ``output.txt``."""
        self.temporary.mkdir(parents=True, exist_ok=True)
        own = {MARK: str(self.folder), "TMPDIR": str(self.temporary), "HOME": str(self.folder / "home")}
        own["XDG_CACHE_HOME"] = CACHES
        with (self.folder / "output.txt").open("wb") as output:
            return subprocess.Popen(
                [*wrapper, *self.command()],
                env={**environment, **own},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def run(self) -> int:
        """Run the experiment to its end; its exit status."""
        return self.start().wait(PATIENCE)

    def output(self) -> str:
        return (self.folder / "output.txt").read_text(errors="replace")

    def processes(self) -> list[psutil.Process]:
        """Processes of this world that are alive."""
        return [process for process in psutil.process_iter() if _environment(process).get(MARK) == str(self.folder)]

    def processes_left(self) -> int:
        """Processes that have not ended some seconds after their driver did; they are killed."""
        deadline = time.monotonic() + END_PATIENCE
        while (left := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.1)
        for process in left:
            process.kill()
        return len(left)

    def temporary_files(self) -> list[str]:
        """Files that a finished run must not leave: in its temporary folder, and half-written ones in its folders."""
        half = [
            path
            for base in (self.results, self.cache)
            for path in base.rglob("*")
            if path.name.startswith(".partial-") or path.name.endswith(".tmp")
        ]
        temporary = [path for path in self.temporary.rglob("*") if path.is_file()]
        return sorted(str(path.relative_to(self.folder)) for path in [*half, *temporary])

    def snapshot(self) -> dict[str, object]:
        """All that an experiment promises, by name, without what depends on when and where it ran."""
        content: dict[str, object] = {}
        summary = json.loads((self.results / "summary.json").read_text())
        content["summary"] = _steady(summary)
        labels = pd.read_parquet(self.results / "labels.parquet")
        content["labels"] = {name: labels[name].tolist() for name in labels}
        trials = pd.read_csv(self.results / "trials.csv")
        content["trials"] = trials.drop(columns=list(_RUN_DEPENDENT & set(trials))).to_csv()
        content["config"] = (self.results / "config.yaml").read_text().replace(str(self.folder), "WORLD")
        ranks = sorted(self.results.glob("rank_*"))
        content["ranks"] = {f"{rank.name}/{path.relative_to(rank)}" for rank in ranks for path in rank.rglob("*")}
        content["rank labels"] = {rank.name: np.load(rank / "labels.npy").tolist() for rank in ranks}
        content["lists"] = {rank.name: (rank / "cluster_to_images.json").read_text() for rank in ranks}
        content["plots"] = sorted(path.name for path in (self.results / "plots").iterdir())
        content["runs"] = _runs(self.results / "mlflow.db")
        content["vectors"] = sorted(_vectors(self.cache))
        return content


def make_images(folder: Path, *, each: int = 12) -> None:
    """Pictures of three kinds, each in a folder of its own: noise on a colour, stripes, and discs."""
    generator = np.random.default_rng(0)
    y, x = np.mgrid[0:48, 0:64]
    for number in range(each):
        noise = generator.integers(0, 60, (48, 64, 3))
        pictures = {
            "plain": np.full((48, 64, 3), (170, 60, 60)) + noise,
            "stripes": np.where((x // (3 + number % 5)) % 2, 200, 20)[..., None] + noise // 2,
            "discs": np.where((x - 32) ** 2 + (y - 24) ** 2 < (8 + number) ** 2, 180, 40)[..., None] + noise,
        }
        for kind, pixels in pictures.items():
            (folder / kind).mkdir(parents=True, exist_ok=True)
            picture = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
            picture.save(folder / kind / f"{number:02d}.{'jpg' if number % 2 else 'png'}")


def differences(expected: object, found: object, place: str = "") -> Iterator[str]:
    """Where two snapshots differ, and in what."""
    if isinstance(expected, dict) and isinstance(found, dict) and expected.keys() == found.keys():
        for name in expected:
            yield from differences(expected[name], found[name], f"{place}/{name}")
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for number, (one, other) in enumerate(zip(expected, found, strict=True)):
            yield from differences(one, other, f"{place}/{number}")
    elif isinstance(expected, str) and isinstance(found, str) and expected.count("\n") == found.count("\n") > 0:
        yield from differences(expected.splitlines(), found.splitlines(), place)
    elif expected != found:
        yield f"{place.lstrip('/')} is {str(found)[:200]!r}, not {str(expected)[:200]!r}"


def _environment(process: psutil.Process) -> dict[str, str]:
    try:
        return process.environ() if process.status() != psutil.STATUS_ZOMBIE else {}
    except psutil.Error:
        return {}


def _steady(value: object) -> object:
    if isinstance(value, dict):
        return {key: _steady(item) for key, item in value.items() if key not in _RUN_DEPENDENT}
    return [_steady(item) for item in value] if isinstance(value, list) else value


def _runs(store: Path) -> dict[str, object]:
    """Runs, parameters and metrics as MLflow's store holds them, by trial."""
    queries = {
        "runs": "SELECT name, status, lifecycle_stage FROM runs",
        "params": "SELECT name, key, params.value FROM params JOIN runs USING (run_uuid)",
        "metrics": "SELECT name, key, metrics.value, step FROM metrics JOIN runs USING (run_uuid)"
        " WHERE key NOT LIKE 'time/%' AND key NOT LIKE 'stage/%seconds'",
    }
    connection = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
    try:
        return {name: sorted(map(repr, connection.execute(query))) for name, query in queries.items()}
    finally:
        connection.close()


def _vectors(cache: Path) -> Iterator[str]:
    """Every vector of the cache by its key and hash, each as often as it is stored, once what is damaged is removed."""
    import lance

    for table in cache.glob("embeddings/*/vectors.lance"):
        VectorTable(table).tidy()
        for row in lance.dataset(str(table)).to_table(columns=["hash"]).to_pylist():
            yield f"{table.parent.name}/{row['hash']}"
