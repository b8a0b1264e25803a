"""All scores of one clustering."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from runner.score.calinski_harabasz import calinski_harabasz
from runner.score.cluster_geometry import cluster_geometry
from runner.score.composite import composite
from runner.score.davies_bouldin import davies_bouldin
from runner.score.gap_reference import StructurelessShares
from runner.score.neighbor_information import neighbor_agreement, neighbor_information, neighborhood
from runner.score.null_baseline import null_distribution
from runner.score.reference_labels import reference_agreement
from runner.score.scores import Scores
from runner.score.silhouette import silhouette
from runner.score.sizes import balance, effective_clusters, largest_share, noise_share


def score_clustering(
    labels: np.ndarray,
    vectors: np.ndarray,
    neighbor_indices: np.ndarray,
    *,
    truth: Sequence[str | None] | None,
    seed: int,
    structureless: StructurelessShares | None = None,
    known_silhouette: float | None = None,
) -> Scores:
    """Every score of one clustering but those of the ranking: ``ranking_score`` takes all trials, pairs may come later.

    Args:
        labels: int, shape (n,); cluster of each image, ``NOISE`` for none.
        vectors: float32, shape (n, d); the full embedding, rows of unit length; may be a read-only memory map.
        neighbor_indices: int, shape (n, k); nearest neighbours in that embedding, nearest first, itself excluded; those
            of the widest neighbourhood are used where there are as many.
        truth: reference label of each image.
        seed: of the null baseline.
        structureless: of the embedding; without it, that score is left out.
        known_silhouette: the mean silhouette, where it was found together with that of other clusterings.

    Returns:
        All finite; None where a score is undefined, as for one cluster, or its reference is absent.

    Raises:
        ValueError: if an array's shape or type is not as described.
    """
    neighbors = neighborhood(neighbor_indices)
    geometry = cluster_geometry(labels, vectors)
    mean_silhouette = known_silhouette
    if mean_silhouette is None:
        mean_silhouette = silhouette(labels, vectors, geometry=geometry)
    information = neighbor_information(labels, neighbors)
    null = null_distribution(labels, neighbors, seed=seed)
    reference = None if truth is None else reference_agreement(labels, truth)
    return Scores(
        n_clusters=geometry.n_clusters,
        noise_share=noise_share(labels),
        largest_share=largest_share(labels),
        balance=balance(labels),
        effective_clusters=effective_clusters(labels),
        silhouette=mean_silhouette,
        davies_bouldin=davies_bouldin(labels, vectors, geometry=geometry),
        calinski_harabasz=calinski_harabasz(labels, vectors, geometry=geometry),
        composite=composite(mean_silhouette, balance(labels), noise_share(labels)),
        neighbor_agreement=neighbor_agreement(labels, neighbors),
        neighbor_information=information,
        null_neighbor_information=null.mean,
        structureless_neighbor_information=None if structureless is None else structureless.information(labels),
        beats_null=null.is_beaten_by(information),
        ami=reference.ami if reference else None,
        ari=reference.ari if reference else None,
        homogeneity=reference.homogeneity if reference else None,
        completeness=reference.completeness if reference else None,
        v_measure=reference.v_measure if reference else None,
    )


def is_usable(scores: Scores) -> bool:
    """Whether a clustering says anything: two clusters or more, and neighbours share them more often than by chance.

    One cluster, nothing but noise and nothing but singletons are not usable. An experiment without any usable trial
    has failed to cluster, though everything ran. The demand is deliberately weak, so that a handful of images can meet
    it; whether chance is beaten beyond doubt is ``Scores.beats_null``.

    Args:
        scores: as from ``score_clustering``.
    """
    if scores.n_clusters < 2:
        return False
    if scores.neighbor_information is None:
        return True
    return scores.neighbor_information > (scores.null_neighbor_information or 0.0)
