"""*Clustering experiments*: a button that opens the panel."""

from __future__ import annotations

from typing import Any

import fiftyone.operators.types as types

from ..base.operator import EngineOperator, grid_button


class OpenPanel(EngineOperator):
    slug = "open_panel"
    label = "Open clustering experiments"
    description = "Open the panel with the experiments of this dataset, their rankings, maps and clusters"
    icon = "leaderboard"

    def resolve_placement(self, ctx: Any) -> types.Placement:
        return grid_button("Clustering experiments", self.icon, prompt=False)

    def work(self, ctx: Any) -> None:
        ctx.ops.open_panel("clustering_experiments", is_active=True, layout="horizontal")
