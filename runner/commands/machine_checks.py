"""What this machine offers: devices, memory, disk, cache, packages, model hub, database."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from runner.errors import RunnerError
from runner.utils.atomic import try_writing
from runner.version import __version__

PACKAGES = ("torch", "open_clip_torch", "timm", "scikit-learn", "mlflow", "pylance")
GIGABYTE = 1e9
LITTLE_SPACE = 2.0
"""Gigabytes below which a cache of embeddings soon fills a disk."""


class Verdict(StrEnum):
    WORKS = "ok"
    LESS_WORKS = "-"
    BROKEN = "BAD"


@dataclass(frozen=True)
class Finding:
    """One thing looked at.

    Attributes:
        what: its name.
        state: what was found.
        verdict: what it means for experiments.
    """

    what: str
    state: str
    verdict: Verdict = Verdict.WORKS


def examine(cache_dir: Path, say: Callable[[str], None]) -> None:
    """Say line by line what was found.

    Raises:
        RunnerError: something is missing that every experiment needs.
    """
    broken = []
    for finding in _findings(cache_dir.expanduser()):
        say(f"{finding.verdict:4} {finding.what:10} {finding.state}")
        if finding.verdict is Verdict.BROKEN:
            broken.append(finding.what)
    if broken:
        raise RunnerError(f"experiments can't run here before this is mended: {', '.join(broken)}")


def _findings(cache_dir: Path) -> Iterator[Finding]:
    yield Finding("imagesweep", f"{__version__}, Python {platform.python_version()} on {platform.platform()}")
    yield Finding("packages", ", ".join(f"{name} {version(name)}" for name in PACKAGES))
    yield _device()
    yield _cache(cache_dir)
    yield _disk(Path.cwd())
    yield _bundled_model()
    yield _hub()
    yield _fiftyone()


def _device() -> Finding:
    import torch

    from runner.embed.device import select_device
    from runner.utils.machine import free_memory, usable_cpus, usable_memory

    device = select_device("auto")
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{usable_cpus()} cores"
    free = f"{free_memory() / GIGABYTE:.1f} of {usable_memory() / GIGABYTE:.1f} GB of memory free"
    return Finding("device", f"{device.type} ({name}), {free}")


def _cache(cache_dir: Path) -> Finding:
    from runner.embed.cache.embedding_cache import EmbeddingCache

    try:
        try_writing(cache_dir)
    except OSError as error:
        reason = f"{cache_dir} cannot be written ({error.strerror}); choose another --cache-dir"
        return Finding("cache", reason, Verdict.BROKEN)
    entries = EmbeddingCache(cache_dir).ls()
    vectors = sum(entry.rows for entry in entries)
    return Finding("cache", f"{cache_dir}, {len(entries)} embeddings with {vectors:,} vectors")


def _disk(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free / GIGABYTE
    if free < LITTLE_SPACE:
        return Finding("disk", f"only {free:.1f} GB free in {folder}; use --out on another disk", Verdict.LESS_WORKS)
    return Finding("disk", f"{free:.1f} GB free in {folder}")


def _bundled_model() -> Finding:
    from runner.embed.resolve_models import resolve_models

    try:
        resolve_models(["efficientnet_lite0"])
    except RunnerError as error:
        return Finding("bundled", str(error), Verdict.BROKEN)
    return Finding("bundled", "efficientnet_lite0 with ImageNet weights")


def _hub() -> Finding:
    from runner.embed.weights.hub import HubError, require_hub

    try:
        server = require_hub()
    except HubError as error:
        state = f"{error}: only the bundled model, checkpoints of your own and downloaded weights work"
        return Finding("hub", state, Verdict.LESS_WORKS)
    return Finding("hub", f"{server} answers")


def _fiftyone() -> Finding:
    from runner.integrations.fiftyone.mongod import database_uri, server_path

    try:
        installed = version("fiftyone")
    except PackageNotFoundError:
        state = "not installed; pip install 'imagesweep[fiftyone]' brings --dataset and the App"
        return Finding("fiftyone", state, Verdict.LESS_WORKS)
    server = server_path()
    uri = database_uri()
    if uri or (server is not None and server.is_file()):
        return Finding("fiftyone", f"{installed}, database {'of FIFTYONE_DATABASE_URI' if uri else server}")
    state = (
        f"{installed}, without a MongoDB: python -m runner.integrations.fiftyone.mongod, or set FIFTYONE_DATABASE_URI"
    )
    return Finding("fiftyone", state, Verdict.LESS_WORKS)
