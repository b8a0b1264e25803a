"""The scores of one clustering, as one flat record."""

from __future__ import annotations

from dataclasses import dataclass

SCORES_VERSION = "scores 5"
"""Changes whenever trials are clustered or scored differently, so that those of an earlier version are run again."""


@dataclass(frozen=True)
class Scores:
    """Every score of one trial; None where it is undefined or its reference is absent.

    Sizes: ``n_clusters``, ``noise_share``, ``largest_share`` (of all images), ``balance``
    (max(0, 1 - CV/2) over cluster sizes), ``effective_clusters`` (exp of the entropy of the sizes).
    Geometry, on the full embedding: ``silhouette`` (cosine; a noise image counts as 0),
    ``davies_bouldin`` and ``calinski_harabasz`` (clustered images only), ``composite``.
    Neighbours, on the trial's own embedding: ``neighbor_agreement`` (corrected for chance) and
    ``neighbor_information`` (nats), the latter's value for random labels of the same sizes
    (``null_neighbor_information``), for clusters of the same sizes in a cloud of the embedding's shape that has no
    clusters (``structureless_neighbor_information``), and whether the trial ``beats_null``. Noise never counts as
    agreement.
    Reference labels: ``ami`` … ``v_measure``, noise being one group. Pairs: shares of pairs satisfied.
    Ranking: ``ranking_score`` is what trials are ranked by, filled in when all trials are known: the mean
    neighbour information over the graphs of all embeddings, weighted by the pairs satisfied, less what a cloud
    without clusters would give.
    """

    n_clusters: int
    noise_share: float
    largest_share: float
    balance: float
    effective_clusters: float
    silhouette: float | None = None
    davies_bouldin: float | None = None
    calinski_harabasz: float | None = None
    composite: float | None = None
    neighbor_agreement: float | None = None
    neighbor_information: float | None = None
    null_neighbor_information: float | None = None
    structureless_neighbor_information: float | None = None
    beats_null: bool | None = None
    ami: float | None = None
    ari: float | None = None
    homogeneity: float | None = None
    completeness: float | None = None
    v_measure: float | None = None
    must_link_share: float | None = None
    cannot_link_share: float | None = None
    ranking_score: float | None = None
