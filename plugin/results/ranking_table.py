"""The ranking as rows of a table that can be sorted by any of its columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runner.results.summary import Summary, TrialRecord

_TEXTS = ("trial", "embedding")


def columns() -> dict[str, str]:
    """Title of each column by its key."""
    from runner.score.catalogue import Shown, shown_in

    first, *others = ((score.key, score.title) for score in shown_in(Shown.APP_TABLE))
    return {
        "rank": "Rank",
        first[0]: first[1],
        "trial": "Trial",
        **dict(others),
        "pairs": "Pairs kept",
        "embedding": "Embedding",
    }


@dataclass(frozen=True)
class Order:
    """By which column the table is sorted, and whether the largest value comes first."""

    column: str = "rank"
    descending: bool = False

    def clicked(self, column: str) -> Order:
        """What a click on a column's title makes of it: the other way round, or another column, best values first."""
        if column == self.column:
            return Order(column, not self.descending)
        return Order(column, _descends_first(column))


@dataclass(frozen=True)
class RankingTable:
    """What the table shows.

    Attributes:
        columns: keys of :func:`columns`, those without any value left out.
        trials: id of the trial of each row.
        rows: texts by column.
    """

    columns: tuple[str, ...]
    trials: tuple[str, ...]
    rows: list[dict[str, str]]

    def titles(self, order: Order) -> dict[str, str]:
        """Title of each column, an arrow at the one that it is sorted by."""
        arrow = " ↓" if order.descending else " ↑"
        titles = columns()
        return {key: titles[key] + (arrow if key == order.column else "") for key in self.columns}


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
    known = tuple(key for key in columns() if any(value[key] is not None for value in values) or not values)
    if len(summary.embeddings) == 1:
        known = tuple(key for key in known if key != "embedding")
    return RankingTable(
        known,
        tuple(str(value["id"]) for value in shown),
        [{"id": str(value["id"]), **{key: _text(key, value[key]) for key in known}} for value in shown],
    )


def _descends_first(column: str) -> bool:
    from runner.score.catalogue import SCORES

    if column in SCORES:
        return SCORES[column].higher_is_better is not False
    return column == "pairs"


def _values(trial: TrialRecord, rank: int, names: Mapping[str, str]) -> dict[str, float | int | str | None]:
    from runner.results.display_names import trial_name
    from runner.score.catalogue import Shown, shown_in

    scores = trial.scores
    assert scores is not None  # only scored trials are ranked
    shares = [share for share in (scores.must_link_share, scores.cannot_link_share) if share is not None]
    return {
        "id": trial.id,
        "rank": rank,
        "trial": trial_name(trial) + ("" if scores.beats_null is not False else " (no better than chance)"),
        "embedding": names[trial.embedding],
        "pairs": sum(shares) / len(shares) if shares else None,
        **{score.key: score.of(scores) for score in shown_in(Shown.APP_TABLE)},
    }


def _text(key: str, value: float | int | str | None) -> str:
    from runner.score.catalogue import SCORES

    if value is None:
        return "–"
    if isinstance(value, str) or key == "rank":
        return str(value)
    return SCORES["must_link_share" if key == "pairs" else key].text(value)
