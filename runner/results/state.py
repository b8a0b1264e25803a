"""Whose results a folder holds, and whether they are complete: the hidden state file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from runner.errors import RunnerError
from runner.results.paths import STATE, own_files
from runner.results.summary import Summary
from runner.utils.atomic import write_json
from runner.utils.checked_files import checksum_of
from runner.utils.text import strict_json

REMEDY = "the `runner experiment` command that made it makes it anew, from what it has computed"
"""What to do about a damaged result."""

OUTPUT_VERSION = 2
"""Raised whenever plots, sheets or the report change, so that a repeated call writes them anew."""


class DamagedResultError(RunnerError):
    """A result file does not hold what was written."""


class OutputState(BaseModel):
    """Content of the state file.

    ``digest`` identifies what the outputs show, None while they are being written; ``files`` gives the
    size of each file that was written, by its path relative to the results folder, and ``checksums`` its checksum,
    which earlier versions did not record. ``seal`` is the checksum of all else, as the file itself may be damaged.
    """

    model_config = ConfigDict(frozen=True)

    fingerprint: str
    digest: str | None = None
    files: dict[str, int] = {}
    checksums: dict[str, str] = {}
    seal: str = ""

    @property
    def is_intact(self) -> bool:
        """Whether it says what was written; as far as that is known of an earlier version's."""
        return self.seal in ("", self._expected_seal())

    def sealed(self) -> OutputState:
        return self.model_copy(update={"seal": self._expected_seal()})

    def _expected_seal(self) -> str:
        return hashlib.blake2b(strict_json(self.model_dump(exclude={"seal"})).encode(), digest_size=12).hexdigest()


def read_state(out: Path) -> OutputState | None:
    """The state of results folder ``out``; None if nothing of ours, or nothing legible, is there."""
    try:
        state = OutputState.model_validate_json((out / STATE).read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValidationError):
        return None
    return state if state.is_intact else None


def begin(out: Path, fingerprint: str) -> None:
    """Mark ``out`` as holding incomplete results of the experiment with this fingerprint."""
    write_json(out / STATE, OutputState(fingerprint=fingerprint).sealed().model_dump())


def finish(out: Path, summary: Summary, top: int, targets: Iterable[str]) -> None:
    """Mark the outputs in ``out`` as complete."""
    paths = {path.relative_to(out).as_posix(): path for path in own_files(out)}
    state = OutputState(
        fingerprint=summary.experiment.fingerprint,
        digest=_digest(summary, top, targets),
        files={name: path.stat().st_size for name, path in paths.items()},
        checksums={name: checksum_of(path) for name, path in paths.items()},
    )
    write_json(out / STATE, state.sealed().model_dump())


def outputs_complete(out: Path, summary: Summary, top: int, targets: Iterable[str] = ()) -> bool:
    """Whether ``out`` already holds all that would be written for this summary, undamaged, so that it can be left out.

    Wall times do not count, as they differ whenever the cache is warm; nor does the MLflow run.
    """
    state = read_state(out)
    if state is None or state.digest != _digest(summary, top, targets):
        return False
    return state.checksums.keys() == state.files.keys() and not changed_outputs(out)


def changed_outputs(out: Path) -> list[str]:
    """Names of the outputs in ``out`` that are gone, or no longer as they were written; of an earlier version's, which
    recorded no checksums, none."""
    state = read_state(out)
    return [] if state is None else [name for name in state.checksums if not _is_as_written(out, name, state)]


def require_undamaged(out: Path, name: str) -> None:
    """Raise DamagedResultError where an output is not as it was written, as far as that is known."""
    state = read_state(out)
    if state is not None and name in state.checksums and not _is_as_written(out, name, state):
        raise DamagedResultError(f"{out / name} is not as it was written, so damaged or edited; {REMEDY}")


def _is_as_written(out: Path, name: str, state: OutputState) -> bool:
    path = out / name
    return (
        path.is_file() and path.stat().st_size == state.files.get(name) and checksum_of(path) == state.checksums[name]
    )


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
