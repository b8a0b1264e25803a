"""What lies in a results folder besides the results: what experiments keep in ``.work``, and what killed ones left.

    OUT/.work/<key>-<images>.npy   vectors, see ``runner.embed.cache.matrix_files``
    OUT/.work/<key>-<images>/      their geometries, see ``runner.cluster.geometry``
    OUT/.work/journal-<data>/      finished trials, see ``runner.engine.journal``

Vectors of another image set are deleted when those of a new one are made; their geometries stay, as somebody who goes
back to the first set saves hours with them, until ``runner clean``.
"""

from __future__ import annotations

import re
from pathlib import Path

from runner.errors import RunnerError
from runner.results.files import read_summary
from runner.results.lock import LOCK
from runner.results.paths import CLUSTERS, PLOTS, RANK_FOLDER, WORK
from runner.utils.checked_files import checksum_path
from runner.utils.leftovers import leftovers_in, remove

JOURNAL_PREFIX = "journal-"

_VECTORS = re.compile(r"precomputed-[0-9a-f]{24}|.+-[0-9a-f]{16}")
"""Name of what is kept of an embedding's vectors, without ``.npy``: all say which images they are of."""

_EARLIER_LEFTOVER = re.compile(rf"\.{RANK_FOLDER.pattern}\.\d+\.tmp")


def leftovers(out: Path) -> list[Path]:
    """What processes left half written in ``out`` that were killed. To be called by the sole writer."""
    ranks = [path for path in _entries(out) if RANK_FOLDER.fullmatch(path.name)]
    sheets = [rank / CLUSTERS for rank in ranks]
    work = [out / WORK, *(path for path in (out / WORK).rglob("*") if path.is_dir())]
    earlier = [path for path in _entries(out) if _EARLIER_LEFTOVER.fullmatch(path.name)]
    return earlier + leftovers_in([out, out / PLOTS, *ranks, *sheets, *work])


def remove_leftovers(out: Path) -> None:
    """Delete them. To be called by the sole writer."""
    for path in leftovers(out):
        remove(path)


def unused_work(out: Path) -> list[Path]:
    """Vectors and geometries of other image sets, and of models that the results in ``out`` are not of."""
    vectors = [path for path in _entries(out / WORK) if _VECTORS.fullmatch(path.stem) and _is_vectors(path)]
    used = _used(out, vectors)
    return [path for path in vectors if path.name.removesuffix(".npy") not in used]


def all_work(out: Path) -> list[Path]:
    """All that is kept in ``.work``: without it the results stay as they are, and the next call computes it anew."""
    return [path for path in _entries(out / WORK) if path.name != LOCK]


def with_checksums(paths: list[Path]) -> list[Path]:
    """``paths`` and the checksums beside them."""
    beside = (checksum_path(path) for path in paths)
    return [*paths, *(path for path in beside if path.exists())]


def _is_vectors(path: Path) -> bool:
    if path.is_dir():
        return not path.name.startswith(JOURNAL_PREFIX)
    return path.suffix == ".npy" and not path.name.startswith(".")


def _used(out: Path, vectors: list[Path]) -> set[str]:
    """Names, without ``.npy``, of the vectors that the results are of; of unfinished ones, all that there are."""
    files = [path for path in vectors if path.suffix == ".npy" and path.is_file()]
    try:
        keys = {record.key for record in read_summary(out).embeddings}
    except RunnerError:  # not finished, or damaged
        return {path.stem for path in files}
    newest: dict[str, Path] = {}
    for path in sorted(files, key=lambda path: path.stat().st_mtime_ns):
        newest[path.stem if path.stem in keys else path.stem.rpartition("-")[0]] = path
    return {path.stem for key, path in newest.items() if key in keys}


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []
