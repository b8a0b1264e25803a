"""The result files that other tools read: summary, labels, trials and config.

``labels.parquet`` is written in row groups of bounded size, so that a million images by hundreds of
trials need no more memory than a few hundred megabytes.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from runner.cluster.trial import NOISE, TrialStatus
from runner.errors import RunnerError
from runner.images.image_set import ImageSet
from runner.results.paths import CONFIG, LABELS, SUMMARY, TRIALS
from runner.results.state import REMEDY, DamagedResultError, require_undamaged
from runner.results.summary import EmbeddingRecord, Summary, TrialRecord
from runner.score.scores import Scores
from runner.utils.atomic import atomic_path, write_text
from runner.utils.csv_text import csv_cell
from runner.utils.text import printable, strict_json
from runner.utils.text_files import MOST_BYTES_OF_A_LIST, read_bytes, shown

ROW_GROUP_BYTES = 256 * 1024 * 1024
"""Labels held in memory while ``labels.parquet`` is written."""

PATH_COLUMN = "path"
_FINGERPRINT = b"imagesweep.fingerprint"

Labels = Callable[[str], np.ndarray]
"""Gives the int32 labels of a trial id, shape (n_images,)."""


def write_results(out: Path, summary: Summary, images: ImageSet, labels: Labels, config_yaml: str) -> None:
    """Write the four result files, each atomically, the summary last.

    Args:
        out: the results folder, created if need be.
        summary: the finished experiment.
        images: the images that were clustered; row i of every label array is ``images.ids[i]``, and what is written
            has a row for each of ``images.names``.
        labels: called for the id of every trial that is done.
        config_yaml: the resolved settings.

    Raises:
        RunnerError: if a file cannot be written, or labels do not fit the images.
    """
    write_labels(out / LABELS, summary, images, labels)
    write_text(out / TRIALS, trials_csv(summary))
    write_config(out, config_yaml)
    write_summary(out, summary)


def write_config(out: Path, config_yaml: str) -> bool:
    """Write ``config.yaml`` alone, unless that is what it says; whether it was written."""
    path = out / CONFIG
    if path.is_file() and path.read_bytes() == config_yaml.encode():
        return False
    write_text(path, config_yaml)
    return True


def write_summary(out: Path, summary: Summary) -> None:
    """Write ``summary.json`` alone, e.g. once the identity of the MLflow run is known."""
    write_text(out / SUMMARY, summary_json(summary))


def summary_json(summary: Summary) -> str:
    """The text of ``summary.json``: strict JSON that :func:`read_summary` reads back."""
    record = summary.model_dump(warnings=False)  # numpy's numbers are fine: they are converted below
    for trial in record["trials"]:
        for name in ("params", "details"):
            trial[name] = {key: _parameter(value) for key, value in trial[name].items()}
    text = strict_json(record, indent=1) + "\n"
    try:
        Summary.model_validate_json(text)
    except ValidationError as error:
        raise RunnerError(
            f"the summary holds a value that is undefined where it must not be: {_first(error)}"
        ) from error
    return text


def _parameter(value: Any) -> Any:
    """JSON knows no infinity, and a parameter cannot be null: ``inf`` is written as text."""
    return str(value) if isinstance(value, float) and not np.isfinite(value) else value


def read_summary(out: Path) -> Summary:
    """The summary in results folder ``out``.

    Raises:
        RunnerError: if there is none, or it cannot be read.
    """
    path = out / SUMMARY
    require_undamaged(out, SUMMARY)
    if not path.exists():
        raise RunnerError(f"{out} is not a results folder: it has no {SUMMARY}")
    if not path.is_file():
        raise RunnerError(f"{path} is not a regular file; name the results folder of a finished experiment")
    try:
        summary = Summary.model_validate_json(read_bytes(path, "the summary", at_most=MOST_BYTES_OF_A_LIST))
    except ValidationError as error:
        raise DamagedResultError(f"{path} is damaged or of another version ({_first(error)}); {REMEDY}") from error
    unknown = set(summary.ranking) - {trial.id for trial in summary.trials}
    if unknown:
        raise DamagedResultError(
            f"{path} is damaged: it ranks {shown(min(unknown))}, which is none of its trials; {REMEDY}"
        )
    return summary


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return shown(f"{where}: {first['msg']}" if where else first["msg"])


def write_labels(path: Path, summary: Summary, images: ImageSet, labels: Labels) -> None:
    """Write ``labels.parquet``, a row per name: ``path``, then an int32 column per done trial, as in the summary."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    ids = done_trials(summary)
    schema = pa.schema([(PATH_COLUMN, pa.string()), *((trial_id, pa.int32()) for trial_id in ids)])
    schema = schema.with_metadata({_FINGERPRINT: summary.experiment.fingerprint})
    names, rows_of_names = images.names, images.name_rows
    rows = max(1, min(len(names), ROW_GROUP_BYTES // (4 * max(1, len(ids)))))
    with atomic_path(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        for start in range(0, len(names), rows):
            part = rows_of_names[start : start + rows]
            paths = pa.array([printable(name) for name in names[start : start + rows]], pa.string())
            columns = [pa.array(checked_labels(i, labels(i), len(images))[part].astype(np.int32)) for i in ids]
            writer.write_table(pa.Table.from_arrays([paths, *columns], schema=schema), row_group_size=rows)


def done_trials(summary: Summary) -> list[str]:
    """Ids of the trials that have labels, in the summary's order."""
    return [trial.id for trial in summary.trials if trial.status is TrialStatus.DONE]


def checked_labels(trial_id: str, labels: np.ndarray, n_images: int) -> np.ndarray:
    """``labels`` if they are whole numbers from ``NOISE`` up, one per image; RunnerError if not."""
    if labels.shape != (n_images,):
        raise RunnerError(f"trial {trial_id} has labels of shape {labels.shape} for {n_images} images")
    if not np.issubdtype(labels.dtype, np.integer) or (len(labels) and labels.min() < NOISE):
        raise RunnerError(f"trial {trial_id} has labels that are no cluster numbers ({labels.dtype})")
    return labels


def read_labels(out: Path, trial_id: str) -> np.ndarray:
    """Labels of one trial, int32, shape (n_names,), in the order of :func:`read_paths`.

    Raises:
        RunnerError: if the file or the trial is not there.
    """
    import pyarrow as pa

    column = _read_column(out, trial_id)
    if not pa.types.is_integer(column.type) or column.null_count:
        raise DamagedResultError(f"{out / LABELS} is damaged: {shown(trial_id)} holds no cluster numbers; {REMEDY}")
    try:
        return column.cast(pa.int32()).to_numpy()
    except pa.ArrowInvalid:
        raise DamagedResultError(
            f"{out / LABELS} is damaged: {shown(trial_id)} holds numbers of more than 32 bits; {REMEDY}"
        ) from None


def read_paths(out: Path) -> tuple[str, ...]:
    """The name of each image (path relative to the root, or sample id), in the order of the labels."""
    import pyarrow as pa

    column = _read_column(out, PATH_COLUMN)
    names = tuple(column.to_pylist()) if pa.types.is_string(column.type) and not column.null_count else ()
    if len(set(names)) < len(column):
        raise DamagedResultError(f"{out / LABELS} is damaged: {PATH_COLUMN} does not name each image once; {REMEDY}")
    return names


def _read_column(out: Path, name: str) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = out / LABELS
    require_undamaged(out, LABELS)
    if not path.exists():
        raise RunnerError(f"{out} is not a results folder: it has no {LABELS}")
    if not path.is_file():
        raise RunnerError(f"{path} is not a regular file; name the results folder of a finished experiment")
    try:
        with pq.ParquetFile(path) as file:
            if name not in file.schema_arrow.names:
                raise RunnerError(f"{path} has no labels of a trial {name!r}; {SUMMARY} lists the trials that are done")
            return file.read(columns=[name]).column(0)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DamagedResultError(f"{path} is damaged ({shown(error)}); {REMEDY}") from error


def fingerprint_of_labels(out: Path) -> str | None:
    """The fingerprint of the experiment that wrote the labels in ``out``; None where that can't be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        metadata = pq.read_schema(out / LABELS).metadata or {}
    except (pa.ArrowException, OSError):
        return None
    return metadata.get(_FINGERPRINT, b"").decode("ascii", "replace") or None


def trials_csv(summary: Summary) -> str:
    """One flat row per trial, best first, then those without a rank: scores, then ``param_…`` columns."""
    parameters = sorted({name for trial in summary.trials for name in trial.params})
    embeddings = {record.key: record for record in summary.embeddings}
    ranks = {trial_id: place for place, trial_id in enumerate(summary.ranking, start=1)}
    rows = [_row(trial, ranks.get(trial.id), embeddings.get(trial.embedding)) for trial in _best_first(summary, ranks)]
    text = io.StringIO()
    columns = [*_COLUMNS, *_SCORES, *(f"param_{name}" for name in parameters)]
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


_EMBEDDING_COLUMNS = ("model", "weights", "resolution", "fit", "precision")
_COLUMNS = (
    *("rank", "id", "embedding", *_EMBEDDING_COLUMNS),
    *("algorithm", "space", "status", "failure", "attempts", "error", "seconds"),
)
_SCORES = tuple(field.name for field in fields(Scores))


def _best_first(summary: Summary, ranks: dict[str, int]) -> Sequence[TrialRecord]:
    return sorted(summary.trials, key=lambda trial: ranks.get(trial.id, len(ranks) + 1))


def _row(trial: TrialRecord, rank: int | None, embedding: EmbeddingRecord | None) -> dict[str, object]:
    row: dict[str, object] = {
        "rank": rank,
        **{name: getattr(trial, name) for name in ("id", "embedding", "algorithm", "space", "attempts", "seconds")},
        "status": trial.status.value,
        "failure": None if trial.failure is None else trial.failure.value,
        "error": trial.error,
        **{name: getattr(embedding, name) for name in _EMBEDDING_COLUMNS if embedding is not None},
        **(asdict(trial.scores) if trial.scores is not None else {}),
        **{f"param_{name}": value for name, value in trial.params.items()},
    }
    return {name: "" if value is None else csv_cell(value) for name, value in row.items()}
