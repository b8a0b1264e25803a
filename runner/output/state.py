"""Whose results a folder holds, and whether they are complete: the hidden state file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from runner.output.atomic import strict_json, write_json
from runner.output.layout import STATE, SUMMARY, own_entries
from runner.summary import Summary

OUTPUT_VERSION = 2
"""Raised whenever plots, sheets or the report change, so that a repeated call writes them anew."""


class OutputState(BaseModel):
    """Content of the state file.

    ``digest`` identifies what the outputs show, None while they are being written; ``files`` gives the
    size of each file that was written, by its path relative to the results folder.
    """

    model_config = ConfigDict(frozen=True)

    fingerprint: str
    digest: str | None = None
    files: dict[str, int] = {}


def read_state(out: Path) -> OutputState | None:
    """The state of results folder ``out``; None if nothing of ours, or nothing legible, is there."""
    try:
        return OutputState.model_validate_json((out / STATE).read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValidationError):
        return None


def begin(out: Path, summary: Summary) -> None:
    """Mark ``out`` as holding incomplete results of this experiment."""
    write_json(out / STATE, OutputState(fingerprint=summary.experiment.fingerprint).model_dump())


def finish(out: Path, summary: Summary, top: int, targets: Iterable[str]) -> None:
    """Mark the outputs in ``out`` as complete."""
    files = {
        path.relative_to(out).as_posix(): path.stat().st_size
        for entry in own_entries(out)
        for path in (sorted(entry.rglob("*")) if entry.is_dir() else [entry])
        if path.is_file() and path.name != STATE
    }
    state = OutputState(fingerprint=summary.experiment.fingerprint, digest=_digest(summary, top, targets), files=files)
    write_json(out / STATE, state.model_dump())


def outputs_complete(out: Path, summary: Summary, top: int, targets: Iterable[str] = ()) -> bool:
    """Whether ``out`` already holds all that would be written for this summary, so that it can be left out.

    Wall times do not count, as they differ whenever the cache is warm; nor does the MLflow run.
    """
    state = read_state(out)
    if state is None or state.digest != _digest(summary, top, targets):
        return False
    return all(_is_there(out / name, size) for name, size in state.files.items())


def _is_there(path: Path, size: int) -> bool:
    """The summary may have grown since: the identity of the MLflow run is entered last."""
    return path.is_file() and (path.name == SUMMARY or path.stat().st_size == size)


def _digest(summary: Summary, top: int, targets: Iterable[str]) -> str:
    shown = {
        "version": OUTPUT_VERSION,
        "fingerprint": summary.experiment.fingerprint,
        "trials": [trial.model_dump(warnings=False, exclude={"seconds", "finished_at"}) for trial in summary.trials],
        "skipped": [[image.path, image.reason] for image in summary.images.skipped],
        "ranking": summary.ranking,
        "top": top,
        "targets": sorted(targets),
    }
    return hashlib.blake2b(strict_json(shown).encode(), digest_size=12).hexdigest()
