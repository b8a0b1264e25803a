"""Names of everything that an experiment writes into its results folder."""

from __future__ import annotations

import re
from pathlib import Path

from runner.errors import RunnerError
from runner.images.folder import RESULTS_MARKER

SUMMARY = "summary.json"
LABELS = "labels.parquet"
TRIALS = "trials.csv"
CONFIG = "config.yaml"
IMAGE_LIST = "images_from.json"
"""The list of images where it came from standard input, so that ``config.yaml`` can be run again."""

REPORT = "report.html"
PLOTS = "plots"
PREVIOUS = "previous"
WORK = ".work"
"""Folder with what can be computed again: matrices, geometries, and the journal."""

STATE = RESULTS_MARKER
"""Whose results a folder holds and whether they are complete; hidden, as it is no result."""

RANK_FOLDER = re.compile(r"rank_\d{2,}_[A-Za-z0-9_.+-]+")
RESULT_NAMES = (SUMMARY, LABELS, TRIALS, CONFIG, IMAGE_LIST, REPORT, PLOTS)

PLOT = re.compile(
    r"comparison\.png|rank_\d{2,}_(cluster_sizes|silhouettes)\.png|(training|reconstructions)_.+\.png|map_.+\.(png|parquet)"
)
LABELS_ARRAY = "labels.npy"
INFO = "info.json"
IMAGE_TO_CLUSTER = "image_to_cluster.json"
CLUSTER_TO_IMAGES = "cluster_to_images.json"
OVERVIEW = "overview.jpg"
CLUSTERS = "clusters"
NOISE_SHEET = "noise.jpg"
CLUSTER_SHEET = re.compile(r"cluster_\d{3,}\.jpg")


def rank_folder_name(rank: int, algorithm: str) -> str:
    """``rank_01_hdbscan``: the folder of the trial in place ``rank`` (1 = best)."""
    return f"rank_{rank:02d}_{checked_file_name(algorithm)}"


def cluster_sheet_name(cluster: int) -> str:
    return f"cluster_{cluster:03d}.jpg"


def checked_file_name(name: str) -> str:
    """``name``, which becomes part of a file name and so must not lead out of its folder.

    Raises:
        RunnerError: if it holds anything but letters, digits and ``_ . + -``.
    """
    if not re.fullmatch(r"[A-Za-z0-9_.+-]+", name):
        raise RunnerError(f"{name!r} cannot be part of a file name; use only letters, digits and _ . + -")
    return name


def own_entries(out: Path) -> list[Path]:
    """What an experiment wrote into ``out`` and its state file, by name; anything else is the user's."""
    if not out.is_dir():
        return []
    return sorted(path for path in out.iterdir() if path.name in (*RESULT_NAMES, STATE) or is_rank_folder(path))


def own_files(out: Path) -> list[Path]:
    """The result files in ``out``, by the names that an experiment gives them, and nothing else."""
    entries = [path for path in own_entries(out) if path.name != STATE]
    files = [path for path in entries if path.is_file()]
    files += own_plots(out)
    return files + [path for entry in entries if is_rank_folder(entry) for path in own_rank_files(entry)]


def own_plots(out: Path) -> list[Path]:
    """The plots in ``out``."""
    folder = out / PLOTS
    return sorted(path for path in folder.iterdir() if PLOT.fullmatch(path.name)) if folder.is_dir() else []


def own_rank_files(folder: Path) -> list[Path]:
    """Our files in a rank folder, the one that marks it as ours last."""
    sheets = folder / CLUSTERS
    drawn = sorted(sheets.iterdir()) if sheets.is_dir() else []
    own = [path for path in drawn if CLUSTER_SHEET.fullmatch(path.name) or path.name == NOISE_SHEET]
    names = (LABELS_ARRAY, IMAGE_TO_CLUSTER, CLUSTER_TO_IMAGES, OVERVIEW, INFO)
    return own + [folder / name for name in names if (folder / name).exists()]


def is_rank_folder(path: Path) -> bool:
    """Whether ``path`` is a rank folder that we wrote: by its name, and as its ``info.json`` is in it."""
    return RANK_FOLDER.fullmatch(path.name) is not None and (path / INFO).is_file()
