"""The composite score that earlier tools ranked by."""

from __future__ import annotations


def composite(silhouette: float | None, balance: float, noise_share: float) -> float | None:
    """0.3·(silhouette + 1)/2 + 0.4·balance + 0.3·(1 - noise share).

    Kept for comparison only: uniformly random labels reach about 0.83, more than most real clusterings.

    Parameters
    ----------
    silhouette : float or None
        Mean cosine silhouette, -1 … 1.
    balance, noise_share : float
        0 … 1.

    Returns
    -------
    float or None
        0 … 1; None where the silhouette is undefined.

    Examples
    --------
    >>> round(composite(silhouette=0.0, balance=0.95, noise_share=0.0), 2)
    0.83
    """
    if silhouette is None:
        return None
    return 0.3 * (silhouette + 1) / 2 + 0.4 * balance + 0.3 * (1 - noise_share)
