"""Results of another experiment are moved aside, never overwritten or mixed with."""

from __future__ import annotations

from pathlib import Path

from runner.errors import RunnerError
from runner.results.files import DamagedResultError, fingerprint_of_labels, read_summary
from runner.results.ownership import refuse_foreign_files
from runner.results.paths import PREVIOUS, RESULT_NAMES, STATE, SUMMARY, own_entries
from runner.results.state import begin, read_state
from runner.utils.atomic import try_writing
from runner.utils.system_errors import reason_and_remedy
from runner.utils.text_files import MOST_BYTES_OF_A_LIST, read_json

_COLLECTED = ".collected"


def check_out(out: Path) -> None:
    """Refuse a results folder in which something of the user's would be overwritten; call it before any work.

    Raises:
        RunnerError: if ``out`` is a file, or holds a file with the name of a result that we did not write.
    """
    if not out.exists():
        return
    if not out.is_dir():
        raise RunnerError(f"--out {out} is a file; name a folder")
    refuse_foreign_files(out, RESULT_NAMES, lambda folder: fingerprint_of(folder) is not None)


def require_writable(out: Path) -> None:
    """Make the results folder and try to write there; RunnerError before hours of work rather than after."""
    try:
        try_writing(out)
    except OSError as error:
        raise RunnerError(
            f"the results folder {out} cannot be written ({error.strerror}); choose another --out"
        ) from error


def fingerprint_of(out: Path) -> str | None:
    """Fingerprint of the experiment whose results are in ``out``; None if there are none."""
    state = read_state(out)
    if state is not None:
        return state.fingerprint
    try:
        summary = read_json(out / SUMMARY, "the summary", at_most=MOST_BYTES_OF_A_LIST)
        fingerprint = summary["experiment"]["fingerprint"]
    except (RunnerError, KeyError, TypeError):
        return fingerprint_of_labels(out)
    return fingerprint if isinstance(fingerprint, str) and fingerprint else None


def run_id_of(out: Path, fingerprint: str) -> str | None:
    """The MLflow run of the experiment with this fingerprint, if it is the one whose results are in ``out`` and the
    summary there tells; where it was damaged, the run is found in MLflow."""
    if fingerprint_of(out) != fingerprint or not (out / SUMMARY).exists():
        return None
    try:
        return read_summary(out).experiment.mlflow_run_id
    except DamagedResultError:
        return None


def archive_previous(out: Path, fingerprint: str) -> Path | None:
    """Move the results of another experiment from ``out`` to ``out/previous/<fingerprint>/``.

    Files that no experiment wrote stay where they are. An archive of that name that is already there is
    left alone; the new one gets a number. They are collected in a folder that gets the archive's name when all are in
    it; what a killed call has collected is completed first.

    Args:
        out: the results folder.
        fingerprint: of the experiment that is about to write there.

    Returns:
        the archive's folder; None if there was nothing to move.

    Raises:
        RunnerError: as :func:`check_out`, or if a file cannot be moved.
    """
    check_out(out)
    collected = out / PREVIOUS / _COLLECTED
    try:
        begun = _complete(out, collected) if collected.is_dir() else None
        found = fingerprint_of(out)
        if found is None or found == fingerprint:
            return begun
        if read_state(out) is None:
            begin(out, found)
        collected.mkdir(parents=True)
        return _complete(out, collected)
    except OSError as error:
        raise RunnerError(f"{out} could not be cleared of earlier results: {reason_and_remedy(error)}") from error


def _complete(out: Path, collected: Path) -> Path | None:
    """Collect the rest, the state last, and name the archive; None where nothing was collected yet."""
    if not (collected / STATE).exists():
        if not any(collected.iterdir()) and fingerprint_of(out) is None:
            collected.rmdir()
            return None
        for entry in sorted(own_entries(out), key=lambda path: path.name == STATE):
            entry.rename(collected / entry.name)
    archive = _free_folder(out / PREVIOUS, _folder_name(fingerprint_of(collected) or "results"))
    collected.rename(archive)
    return archive


def _folder_name(fingerprint: str) -> str:
    return "".join(letter if letter.isalnum() and letter.isascii() else "_" for letter in fingerprint[:12])


def _free_folder(parent: Path, name: str) -> Path:
    candidate, number = parent / name, 1
    while candidate.exists():
        number += 1
        candidate = parent / f"{name}-{number}"
    return candidate
