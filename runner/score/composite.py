"""The composite score that earlier tools ranked by."""

from __future__ import annotations


def composite(silhouette: float | None, balance: float, noise_share: float) -> float | None:
    """0.3·(silhouette + 1)/2 + 0.4·balance + 0.3·(1 - noise share).

    Kept for comparison only: uniformly random labels reach about 0.83, more than most real clusterings.

    Args:
        silhouette: mean cosine silhouette, -1 … 1.
        balance: 0 … 1.
        noise_share: 0 … 1.

    Returns:
        0 … 1; None where the silhouette is undefined.

    >>> round(composite(silhouette=0.0, balance=0.95, noise_share=0.0), 2)
    0.83
    """
    if silhouette is None:
        return None
    return 0.3 * (silhouette + 1) / 2 + 0.4 * balance + 0.3 * (1 - noise_share)
