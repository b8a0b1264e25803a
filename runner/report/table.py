"""The report's ranking table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from runner.results.display_names import short_embedding_names
from runner.results.summary import Summary, TrialRecord
from runner.score.catalogue import Score, Shown, shown_in
from runner.utils.text import decimal

Value = float | int | str | None


@dataclass(frozen=True)
class Cell:
    """What a cell shows and what it is sorted by."""

    text: str
    value: Value


@dataclass(frozen=True)
class Row:
    """A trial; ``beats_null`` is False for one that is no better than random labels."""

    id: str
    rank: int
    beats_null: bool | None
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Column:
    """A column of the table: its title, an explanation, and whether it holds numbers."""

    title: str
    hint: str
    is_number: bool
    cell: Callable[[TrialRecord], Cell]


@dataclass(frozen=True)
class Table:
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


def ranking_table(summary: Summary) -> Table:
    """All ranked trials, best first; columns without a value in any trial are left out."""
    by_id = {trial.id: trial for trial in summary.trials}
    trials = [by_id[trial_id] for trial_id in summary.ranking]
    columns = tuple(
        column
        for column in (*_identity_columns(summary), *map(_score_column, shown_in(Shown.TABLE)), _SECONDS)
        if any(column.cell(trial).value is not None for trial in trials)
    )
    rows = [
        Row(
            trial.id,
            rank,
            trial.scores.beats_null if trial.scores is not None else None,
            tuple(column.cell(trial) for column in columns),
        )
        for rank, trial in enumerate(trials, start=1)
    ]
    return Table(columns, tuple(rows))


def _identity_columns(summary: Summary) -> Sequence[Column]:
    names = short_embedding_names(summary.embeddings)
    columns = [
        Column("Algorithm", "clustering algorithm", False, lambda trial: _text(trial.algorithm)),
        Column("Parameters", "its parameters", False, lambda trial: _text(_parameters(trial))),
        Column("Space", "space it works in, where that is not the embedding itself", False, _space),
    ]
    if len(names) > 1:
        hint = "model, weights, resolution and fit, as far as they differ"
        columns.append(Column("Embedding", hint, False, lambda trial: _unbroken(names[trial.embedding])))
    return columns


def _parameters(trial: TrialRecord) -> str:
    return ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in trial.params.items()
    )


def _text(value: str) -> Cell:
    return Cell(value, value)


def _unbroken(value: str) -> Cell:
    """A short name stays on one line."""
    return Cell(value.replace(" ", "\u00a0") if len(value) <= 24 else value, value)


def _space(trial: TrialRecord) -> Cell:
    return Cell("", None) if trial.space == "none" else _text(trial.space)


def _score_column(score: Score) -> Column:
    def cell(trial: TrialRecord) -> Cell:
        number = score.of(trial.scores) if trial.scores is not None else None
        return Cell("", None) if number is None else Cell(score.text(number), number)

    return Column(score.title, score.meaning, True, cell)


_SECONDS = Column("Seconds", "wall time of the trial", True, lambda trial: Cell(decimal(trial.seconds), trial.seconds))
