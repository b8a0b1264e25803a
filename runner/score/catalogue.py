"""The one table that names, formats and orders the scores: what shows a score reads of it here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, Flag, auto

from runner.score.scores import Scores
from runner.utils.text import decimal


class Format(Enum):
    """How a value is written: 1,234; 12 %; 0.123."""

    COUNT = "count"
    SHARE = "share"
    DECIMAL = "decimal"


class Shown(Flag):
    """Where there is room for some of the scores; ``summary.json``, ``trials.csv`` and MLflow's metrics hold all."""

    TERMINAL = auto()
    """Ranking that the commands print."""
    TABLE = auto()
    """Ranking table of the report."""
    AXIS = auto()
    """Axes of the report's chart of all trials."""
    PLOT = auto()
    """Rows of ``comparison.png``."""
    APP_TABLE = auto()
    """Ranking table of the App's panel."""
    APP_AXIS = auto()
    """Parallel coordinates of the App's panel."""
    MLFLOW_COLUMN = auto()
    """Columns of MLflow's page of runs."""
    MLFLOW_AXIS = auto()
    """Parallel coordinates of that page."""


_NOWHERE, _EVERYWHERE = Shown(0), ~Shown(0)


@dataclass(frozen=True)
class Score:
    """One score, as people are to see it.

    Attributes:
        key: its name in :class:`Scores` and in every file.
        title: over a column.
        name: on an axis or in a list to choose from.
        meaning: in a sentence, for a tooltip.
        format: of its values.
        higher_is_better: None where neither is better.
        section: of its metric in MLflow.
        undefined: what MLflow's charts get where a clustering that ran has no such value: the score of one that
            separates nothing; None where there is no such number, and the metric is left out.
        shown: where it has a place.
    """

    key: str
    title: str
    name: str
    meaning: str
    format: Format = Format.DECIMAL
    higher_is_better: bool | None = True
    section: str = "score"
    undefined: float | None = None
    shown: Shown = _NOWHERE

    def of(self, scores: Scores) -> float | None:
        """Its value for one clustering."""
        value: float | None = getattr(scores, self.key)
        return value

    def text(self, value: float) -> str:
        """``1,234``, ``12 %``, ``0.123``."""
        if self.format is Format.COUNT:
            return f"{value:,.0f}"
        if self.format is Format.SHARE:
            percent = 100 * value
            return f"{percent:.0f} %" if value in (0, 1) or 0.01 <= value <= 0.99 else f"{percent:.1f} %"
        return decimal(value, 3)


SCORES: dict[str, Score] = {
    score.key: score
    for score in (
        Score(
            "ranking_score",
            "Score",
            "ranking score",
            "ranking score, what trials are ranked by",
            undefined=0.0,
            shown=_EVERYWHERE,
        ),
        Score(
            "ami",
            "AMI",
            "agreement with the reference labels (AMI)",
            "agreement with the reference labels, corrected for chance",
            section="label",
            shown=_EVERYWHERE & ~Shown.MLFLOW_AXIS,
        ),
        Score(
            "ari",
            "ARI",
            "adjusted Rand index",
            "adjusted Rand index against the reference labels",
            section="label",
            shown=Shown.TABLE,
        ),
        Score(
            "n_clusters",
            "Clusters",
            "number of clusters",
            "number of clusters",
            Format.COUNT,
            higher_is_better=None,
            section="size",
            shown=_EVERYWHERE & ~Shown.AXIS & ~Shown.PLOT,
        ),
        Score(
            "noise_share",
            "Noise",
            "noise",
            "share of images in no cluster",
            Format.SHARE,
            higher_is_better=False,
            section="size",
            shown=_EVERYWHERE & ~Shown.AXIS & ~Shown.PLOT,
        ),
        Score(
            "largest_share",
            "Largest",
            "largest cluster",
            "share of images in the largest cluster",
            Format.SHARE,
            higher_is_better=False,
            section="size",
            shown=Shown.TABLE,
        ),
        Score(
            "silhouette",
            "Silhouette",
            "silhouette",
            "mean cosine silhouette; noise counts as 0",
            undefined=0.0,
            shown=_EVERYWHERE & ~Shown.TERMINAL & ~Shown.PLOT,
        ),
        Score(
            "neighbor_agreement",
            "Neighbours",
            "neighbour agreement",
            "how often an image's nearest neighbours share its cluster",
            Format.SHARE,
            undefined=0.0,
            shown=Shown.TABLE | Shown.AXIS | Shown.APP_AXIS,
        ),
        Score(
            "balance",
            "Balance",
            "balance of sizes",
            "how alike the sizes of the clusters are: 1 less half their coefficient of variation, at least 0",
            section="size",
            shown=Shown.AXIS | Shown.APP_AXIS,
        ),
        Score(
            "must_link_share",
            "Must-link",
            "must-link pairs kept",
            "must-link pairs kept together",
            Format.SHARE,
            section="pairs",
            shown=Shown.TABLE | Shown.AXIS,
        ),
        Score(
            "cannot_link_share",
            "Cannot-link",
            "cannot-link pairs kept",
            "cannot-link pairs kept apart",
            Format.SHARE,
            section="pairs",
            shown=Shown.TABLE | Shown.AXIS,
        ),
        Score(
            "composite",
            "Composite",
            "composite (for comparison)",
            "0.3 silhouette + 0.4 balance + 0.3 coverage; for comparison only: random labels do well on it",
            shown=Shown.TABLE | Shown.AXIS,
        ),
        Score(
            "effective_clusters",
            "Effective clusters",
            "effective number of clusters",
            "as many clusters of equal size would have the same entropy",
            higher_is_better=None,
            section="size",
        ),
        Score(
            "davies_bouldin",
            "Davies-Bouldin",
            "Davies-Bouldin index",
            "scatter within clusters against their distance from the nearest; unbounded, lower is better",
            higher_is_better=False,
        ),
        Score(
            "calinski_harabasz",
            "Calinski-Harabasz",
            "Calinski-Harabasz index",
            "variance between clusters against the variance within them",
            undefined=0.0,
        ),
        Score(
            "neighbor_information",
            "Information",
            "neighbour information",
            "what an image's cluster says about its neighbours' clusters, in nats",
            undefined=0.0,
        ),
        Score(
            "null_neighbor_information",
            "Information, random",
            "neighbour information of random labels",
            "the same for random labels of the same sizes",
            higher_is_better=None,
            undefined=0.0,
        ),
        Score(
            "structureless_neighbor_information",
            "Information, gap reference",
            "neighbour information without structure",
            "the same for clusters of the same sizes in a cloud without clusters",
            higher_is_better=None,
            undefined=0.0,
        ),
        Score(
            "beats_null",
            "Beats chance",
            "beats chance",
            "whether it is better than random labels beyond doubt",
            Format.COUNT,
            undefined=0.0,
        ),
        Score(
            "homogeneity",
            "Homogeneity",
            "homogeneity",
            "how far each cluster holds one reference label only",
            section="label",
        ),
        Score(
            "completeness",
            "Completeness",
            "completeness",
            "how far each reference label lies in one cluster only",
            section="label",
        ),
        Score(
            "v_measure",
            "V-measure",
            "V-measure",
            "harmonic mean of homogeneity and completeness",
            section="label",
        ),
    )
}
"""All scores by key, in the order in which they are shown."""


def shown_in(place: Shown) -> list[Score]:
    """The scores that have a place there."""
    return [score for score in SCORES.values() if place in score.shown]


def known_among(scores: Iterable[Score], records: Iterable[Scores | None]) -> list[Score]:
    """Those of ``scores`` that some clustering has a value of."""
    present = [record for record in records if record is not None]
    return [score for score in scores if any(score.of(record) is not None for record in present)]
