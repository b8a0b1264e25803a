"""How much a clustering says about which images are neighbours: scores that need no reference labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import rel_entr

from runner.cluster.trial import NOISE
from runner.score.validation import compact_labels, validate_neighbors
from runner.utils.compiled import compiled

NEIGHBORHOODS = (3, 7, 15, 30)
"""Neighbours per image that trials are judged by. Every scale counts alike, since any single one favours clusters of
its own size: with few neighbours it pays to cut a featureless cloud to pieces, with many, clusters of a dozen images
do not pay any more. See ``tests/benchmarks/selection_regret.py``."""


def neighborhood(neighbor_indices: np.ndarray) -> np.ndarray:
    """The columns of a neighbour graph that trials are judged by.

    Args:
        neighbor_indices: int, shape (n, k); nearest neighbours of each image, nearest first, itself excluded.

    Returns:
        A view of shape (n, min(k, the last of ``NEIGHBORHOODS``, round(√n))); √n keeps the neighbourhood small beside
        a small set of images.

    >>> neighborhood(np.zeros((100, 40), dtype=int)).shape, neighborhood(np.zeros((9000, 40), dtype=int)).shape
    ((100, 10), (9000, 30))
    """
    return neighbor_indices[:, : min(NEIGHBORHOODS[-1], max(1, round(len(neighbor_indices) ** 0.5)))]


def neighbor_agreement(labels: np.ndarray, neighbor_indices: np.ndarray) -> float:
    """Share of neighbours that are in the same cluster, corrected for chance.

    Noise agrees with nothing, not even with noise, and is not left out of the share.

    From Ding and He, K-nearest-neighbor consistency in data clustering, ACM SAC (2004); the correction is that of
    Cohen's kappa.

    Args:
        labels: int, shape (n,); cluster of each image, ``NOISE`` for none.
        neighbor_indices: int, shape (n, k); nearest neighbours of each image, itself excluded.

    Returns:
        (agreement - expected) / (1 - expected): 1 if all neighbours share a cluster, about 0 for random labels; 0 for
        a single cluster of everything, which can't be wrong.

    Raises:
        ValueError: if an array's shape or type is not as described.

    >>> neighbor_agreement(np.array([0, 0, 1, 1]), np.array([[1], [0], [3], [2]]))
    1.0
    >>> neighbor_agreement(np.array([0, 0, -1, -1]), np.array([[1], [0], [3], [2]]))
    0.4
    """
    widest = (neighbor_indices.shape[1],)
    clusters = _shares(_checked(labels, neighbor_indices), neighbor_indices, widest)
    weights = clusters.sizes / len(labels)
    agreement, expected = float(weights @ clusters.within[:, 0]), float(weights @ clusters.chance[:, 0])
    return (agreement - expected) / (1 - expected) if expected < 1 else 0.0


def neighbor_information(labels: np.ndarray, neighbor_indices: np.ndarray) -> float:
    """Information that an image's cluster gives about its neighbours' clusters, in nats.

    For images of cluster c let a be the share of their neighbours within c, and e the share of all other images that
    are in c. The score is the mean over all images of the relative entropy

        a·log(a/e) + (1-a)·log((1-a)/(1-e))    where a > e, else 0,

    averaged over the neighbourhoods of ``NEIGHBORHOODS`` that fit into k (all k neighbours if none does).

    This is a lower bound of the mutual information between the label of an image and that of a neighbour, in which a
    neighbour's label is reduced to "the same or not" (data-processing inequality). The reduction matters: the full
    mutual information estimated from counts grows without bound as clusters get smaller than neighbourhoods, this does
    not. What fools other scores gains nothing here: one giant cluster (a = e = 1), singletons (a = 0), random labels
    (a = e), noise (never counts as a cluster); pairs and other clusters much smaller than a neighbourhood have small a.

    For the bound see Cover and Thomas, Elements of Information Theory, section 2.8; the same divergence of the shares
    of all clusters together is the asymptotical surprise of Traag, Aldecoa and Delvenne, Phys. Rev. E 92 (2015).

    Args:
        labels: int, shape (n,); cluster of each image, ``NOISE`` for none.
        neighbor_indices: int, shape (n, k); nearest neighbours of each image, itself excluded. Values for graphs of
            different k don't compare.

    Returns:
        At least 0; at most the entropy of the cluster sizes, but for a term of order 1/n.

    Raises:
        ValueError: if an array's shape or type is not as described.

    >>> pairs = np.array([[1], [0], [3], [2]])
    >>> round(neighbor_information(np.array([0, 0, 1, 1]), pairs), 4)  # log 3: e = 1/3
    1.0986
    >>> neighbor_information(np.array([0, 0, 0, 0]), pairs), neighbor_information(np.array([0, 1, 2, 3]), pairs)
    (0.0, 0.0)
    """
    return information(_checked(labels, neighbor_indices), neighbor_indices)


def information(compact: np.ndarray, neighbor_indices: np.ndarray) -> float:
    """``neighbor_information`` of input that is known to be sound; ``compact`` as from ``compact_labels``."""
    clusters = cluster_shares(compact, neighbor_indices)
    by_scale = clusters.sizes @ divergence(clusters.within, clusters.chance) / len(compact)
    return float(by_scale.mean())


@dataclass(frozen=True)
class ClusterShares:
    """How well each of k clusters holds its images' neighbours together, in s neighbourhoods.

    Attributes:
        sizes: int64, shape (k,); images of the cluster.
        within: float64, shape (k, s); share of its images' neighbours that are in it, by neighbourhood.
        chance: float64, shape (k, 1); share of all other images that are in it.
    """

    sizes: np.ndarray
    within: np.ndarray
    chance: np.ndarray


def cluster_shares(compact: np.ndarray, neighbor_indices: np.ndarray) -> ClusterShares:
    """The shares in the neighbourhoods of ``NEIGHBORHOODS`` that fit; ``compact`` as from ``compact_labels``."""
    return _shares(compact, neighbor_indices, _scales(neighbor_indices.shape[1]))


def divergence(within: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """Relative entropy of being in the cluster or not, in nats; 0 where that is not more frequent than by chance."""
    return np.where(within > chance, rel_entr(within, chance) + rel_entr(1 - within, 1 - chance), 0.0)


def _scales(widest: int) -> tuple[int, ...]:
    return tuple(scale for scale in NEIGHBORHOODS if scale <= widest) or (widest,)


def _checked(labels: np.ndarray, neighbor_indices: np.ndarray) -> np.ndarray:
    compact = compact_labels(labels)
    validate_neighbors(neighbor_indices, len(compact))
    return compact


def _shares(compact: np.ndarray, neighbor_indices: np.ndarray, scales: tuple[int, ...]) -> ClusterShares:
    sizes = np.bincount(compact[compact != NOISE])
    widths = np.array(scales)
    same = _same_cluster_neighbors(compact.astype(np.int32), np.asarray(neighbor_indices), widths, len(sizes))
    within = same / (sizes[:, None] * widths)
    return ClusterShares(sizes, within, (sizes[:, None] - 1) / max(1, len(compact) - 1))


@compiled()
def _same_cluster_neighbors(labels, neighbor_indices, scales, n_clusters):  # type: ignore[no-untyped-def]
    """For each cluster and scale, how many of its images' neighbours it holds: int64, (n_clusters, n_scales)."""
    same = np.zeros((n_clusters, len(scales)), dtype=np.int64)
    for row in range(len(labels)):
        cluster = labels[row]
        if cluster < 0:
            continue
        hits = 0
        scale = 0
        for slot in range(scales[-1]):
            hits += labels[neighbor_indices[row, slot]] == cluster
            if slot + 1 == scales[scale]:
                same[cluster, scale] += hits
                scale += 1
    return same
