"""A click on the plot of thresholds in *Find near-duplicates*: the same form, with the threshold that was clicked.

FiftyOne's forms hand a click on a plot to an operator but not to themselves, together with all settings of the plot's
view, among which the form leaves what it was filled with.
"""

from __future__ import annotations

from typing import Any, ClassVar

from ..base.operator import EngineOperator

URI = "@imagesweep/clustering/take_threshold"
FORM = "filled"
"""Name in the settings of the plot's view of the parameters that the form was filled with."""


class TakeThreshold(EngineOperator):
    slug = "take_threshold"
    label = "Take a threshold"
    description = "What a click on the plot of thresholds does"
    icon = "ads_click"
    options: ClassVar[dict[str, Any]] = {"unlisted": True}

    def work(self, ctx: Any) -> None:
        filled = ctx.params["view"][FORM]
        ctx.prompt("@imagesweep/clustering/find_duplicates", params={**filled, "threshold": ctx.params["x"]})
