"""What the panel shows at the moment: kept in its state, so that it is the same after a reload."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from ..results.ranking_table import Order, columns

TABS = {
    "ranking": "Ranking",
    "scores": "Scores",
    "parallel": "Parameters",
    "clusters": "Clusters",
    "map": "Map",
    "compare": "Compare",
}


NO_OTHER = "-"
"""Stands in a list for no experiment; no experiment can be called that."""


@dataclass(frozen=True)
class Choice:
    """What is chosen.

    Attributes:
        experiment: key of an experiment; None while there is none.
        other: key of the experiment it is compared with.
        trial, other_trial: ids; ``other_trial`` is of ``other`` if that is chosen, else of the same experiment.
        tab: one of ``TABS``.
        column, descending: how the ranking is sorted.
    """

    experiment: str | None = None
    other: str | None = None
    trial: str | None = None
    other_trial: str | None = None
    tab: str = "ranking"
    column: str = "rank"
    descending: bool = False

    @property
    def order(self) -> Order:
        return Order(self.column, self.descending) if self.column in columns() else Order()

    def sorted_by(self, column: str) -> Choice:
        """After a click on the title of a column."""
        order = self.order.clicked(column)
        return replace(self, column=order.column, descending=order.descending)

    def save(self, ctx: Any) -> None:
        """Put it into the panel's state, and into the lists that show it; the tabs keep their own."""
        ctx.panel.set_state("choice", asdict(self))
        ctx.panel.set_state("top", {"experiment": self.experiment, "other": self.other or NO_OTHER})
        ctx.panel.set_state("trials", {"trial": self.trial, "other_trial": self.other_trial})


def read_choice(ctx: Any) -> Choice:
    """What the panel's state holds."""
    kept = ctx.panel.get_state("choice") or {}
    choice = Choice(**{name: value for name, value in kept.items() if name in Choice.__dataclass_fields__})
    tab = ctx.panel.get_state("tab")
    return replace(choice, tab=tab) if tab in TABS else choice
