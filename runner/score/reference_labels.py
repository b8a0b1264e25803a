"""Agreement of a clustering with reference labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from runner.score.validation import compact_labels


@dataclass(frozen=True)
class ReferenceAgreement:
    """scikit-learn's scores of the same names.

    Attributes:
        ami: adjusted mutual information, 1 for the same partition, about 0 for chance.
        ari: adjusted Rand index, likewise.
        homogeneity: 0 … 1; whether clusters hold one label only.
        completeness: 0 … 1; whether labels lie in one cluster only.
        v_measure: 0 … 1; the harmonic mean of homogeneity and completeness.
    """

    ami: float
    ari: float
    homogeneity: float
    completeness: float
    v_measure: float


def reference_agreement(labels: np.ndarray, truth: Sequence[str | None]) -> ReferenceAgreement | None:
    """Compare a clustering with reference labels.

    Labels are taken as they stand in the results: noise is one group, labelled -1, as anyone gets who hands
    ``labels.parquet`` to scikit-learn. (The label-free scores that trials are ranked by never count noise as
    agreement.)

    Args:
        labels: int, shape (n,); cluster of each image, ``NOISE`` for none.
        truth: reference label of each image; images without one are left out.

    Returns:
        None if no image has a reference label.

    Raises:
        ValueError: if the lengths differ or ``labels`` is not a vector of integers.

    >>> reference_agreement(np.array([0, 0, 1, 1, 1]), ["cat", "cat", "dog", "dog", None]).ami
    1.0
    """
    from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score, homogeneity_completeness_v_measure

    labels = compact_labels(labels)
    if len(truth) != len(labels):
        raise ValueError(f"{len(labels)} labels but {len(truth)} reference labels")
    known = np.fromiter((label is not None for label in truth), dtype=bool, count=len(truth))
    if not known.any():
        return None
    reference = np.unique([label for label in truth if label is not None], return_inverse=True)[1]
    labels = labels[known]
    homogeneity, completeness, v_measure = homogeneity_completeness_v_measure(reference, labels)
    return ReferenceAgreement(
        ami=float(adjusted_mutual_info_score(reference, labels)),
        ari=float(adjusted_rand_score(reference, labels)),
        homogeneity=float(homogeneity),
        completeness=float(completeness),
        v_measure=float(v_measure),
    )
