"""The report's ranking table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from runner.results.display_names import short_embedding_names
from runner.results.summary import Summary, TrialRecord
from runner.score.scores import Scores
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
        for column in (*_identity_columns(summary), *_SCORE_COLUMNS)
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


def _score(value: Callable[[Scores], float | None], show: Callable[[float], str]) -> Callable[[TrialRecord], Cell]:
    def cell(trial: TrialRecord) -> Cell:
        number = value(trial.scores) if trial.scores is not None else None
        return Cell("", None) if number is None else Cell(show(number), number)

    return cell


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share in (0, 1) or 0.01 <= share <= 0.99 else f"{100 * share:.1f} %"


def _three(value: float) -> str:
    return decimal(value, 3)


_SCORE_COLUMNS = (
    Column("Score", "ranking score, what trials are ranked by", True, _score(lambda s: s.ranking_score, _three)),
    Column("AMI", "agreement with the reference labels, corrected for chance", True, _score(lambda s: s.ami, _three)),
    Column("ARI", "adjusted Rand index against the reference labels", True, _score(lambda s: s.ari, _three)),
    Column("Clusters", "number of clusters", True, _score(lambda s: s.n_clusters, lambda value: f"{value:,}")),
    Column("Noise", "share of images in no cluster", True, _score(lambda s: s.noise_share, _percent)),
    Column("Largest", "share of images in the largest cluster", True, _score(lambda s: s.largest_share, _percent)),
    Column("Silhouette", "mean cosine silhouette; noise counts as 0", True, _score(lambda s: s.silhouette, _three)),
    Column(
        "Neighbours",
        "how often an image's nearest neighbours share its cluster",
        True,
        _score(lambda s: s.neighbor_agreement, _percent),
    ),
    Column("Must-link", "must-link pairs kept together", True, _score(lambda s: s.must_link_share, _percent)),
    Column("Cannot-link", "cannot-link pairs kept apart", True, _score(lambda s: s.cannot_link_share, _percent)),
    Column(
        "Composite",
        "0.3 silhouette + 0.4 balance + 0.3 coverage; for comparison only: random labels do well on it",
        True,
        _score(lambda s: s.composite, _three),
    ),
    Column("Seconds", "wall time of the trial", True, lambda trial: Cell(decimal(trial.seconds), trial.seconds)),
)
