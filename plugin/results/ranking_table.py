"""The ranking as rows of a table that can be sorted by any of its columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runner.results.summary import Summary, TrialRecord

COLUMNS = {
    "rank": "Rank",
    "ranking_score": "Score",
    "trial": "Trial",
    "n_clusters": "Clusters",
    "noise_share": "Noise",
    "silhouette": "Silhouette",
    "ami": "AMI",
    "pairs": "Pairs kept",
    "embedding": "Embedding",
}
"""Title of each column by its key."""

_OPTIONAL = ("ami", "pairs", "embedding")
_WHOLE = ("rank", "n_clusters")
_SHARES = ("noise_share", "pairs")
_TEXTS = ("trial", "embedding")


@dataclass(frozen=True)
class Order:
    """By which column the table is sorted, and whether the largest value comes first."""

    column: str = "rank"
    descending: bool = False

    def clicked(self, column: str) -> Order:
        """What a click on a column's title makes of it: the other way round, or another column, best values first."""
        if column == self.column:
            return Order(column, not self.descending)
        return Order(column, column not in ("rank", "noise_share", *_TEXTS))


@dataclass(frozen=True)
class RankingTable:
    """What the table shows.

    Attributes:
        columns: keys of ``COLUMNS``, those without any value left out.
        trials: id of the trial of each row.
        rows: texts by column.
    """

    columns: tuple[str, ...]
    trials: tuple[str, ...]
    rows: list[dict[str, str]]

    def titles(self, order: Order) -> dict[str, str]:
        """Title of each column, an arrow at the one that it is sorted by."""
        arrow = " ↓" if order.descending else " ↑"
        return {key: COLUMNS[key] + (arrow if key == order.column else "") for key in self.columns}


def ranking_table(summary: Summary, order: Order) -> RankingTable:
    """The ranked trials in the order asked for; values that are missing come last."""
    from runner.results.display_names import embedding_names

    names = embedding_names(summary.embeddings)
    by_id = {trial.id: trial for trial in summary.trials}
    values = [_values(by_id[trial_id], rank, names) for rank, trial_id in enumerate(summary.ranking, start=1)]
    present = [value for value in values if value[order.column] is not None]
    absent = [value for value in values if value[order.column] is None]
    present.sort(key=lambda value: value[order.column], reverse=order.descending)  # type: ignore[arg-type, return-value]
    shown = [*present, *absent]
    columns = tuple(
        key for key in COLUMNS if key not in _OPTIONAL or len({value[key] for value in values} - {None}) > 0
    )
    if len(summary.embeddings) == 1:
        columns = tuple(key for key in columns if key != "embedding")
    return RankingTable(
        columns,
        tuple(str(value["id"]) for value in shown),
        [{"id": str(value["id"]), **{key: _text(key, value[key]) for key in columns}} for value in shown],
    )


def _values(trial: TrialRecord, rank: int, names: Mapping[str, str]) -> dict[str, float | int | str | None]:
    from runner.results.display_names import trial_name

    scores = trial.scores
    assert scores is not None  # only scored trials are ranked
    shares = [share for share in (scores.must_link_share, scores.cannot_link_share) if share is not None]
    return {
        "id": trial.id,
        "rank": rank,
        "trial": trial_name(trial) + ("" if scores.beats_null is not False else " (no better than chance)"),
        "embedding": names[trial.embedding],
        "pairs": sum(shares) / len(shares) if shares else None,
        **{key: getattr(scores, key) for key in ("n_clusters", "noise_share", "ranking_score", "silhouette", "ami")},
    }


def _text(key: str, value: float | int | str | None) -> str:
    if value is None:
        return "–"
    if key in _TEXTS or key in _WHOLE:
        return str(value)
    if key in _SHARES:
        return f"{value:.0%}"
    return f"{value:.3f}"
