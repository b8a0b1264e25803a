"""Which images of a cluster a contact sheet shows, and in what order. Pure functions of rows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np


class Place(StrEnum):
    """Where in its cluster an image lies."""

    MEDOID = "medoid"
    INSIDE = "inside"
    BORDER = "border"


@dataclass(frozen=True)
class Arranged:
    """Rows to show, the medoid first, the border last, and the place of each."""

    rows: tuple[int, ...]
    places: tuple[Place, ...]


def arrange(members: np.ndarray, at_most: int, border: int, has_medoid: bool = True) -> Arranged:
    """Choose at most ``at_most`` of a cluster's images, from the centre to the border.

    The first half of the places goes to the most central images, the rest evenly to what follows; the
    ``border`` least central ones are always among them (fewer where the cluster is small) and marked.

    Args:
        members: rows, the most central first.
        at_most: images shown.
        border: images marked as the border.
        has_medoid: whether the first one represents the others (noise has none).
    """
    n = len(members)
    chosen = np.arange(n) if n <= at_most else _spread(n, at_most)
    marked = min(border, max(0, len(chosen) // 3))
    places = [Place.INSIDE] * len(chosen)
    places[len(chosen) - marked :] = [Place.BORDER] * marked
    if has_medoid and places:
        places[0] = Place.MEDOID
    else:
        places = [Place.INSIDE] * len(chosen)
    return Arranged(tuple(int(row) for row in members[chosen]), tuple(places))


def _spread(n: int, at_most: int) -> np.ndarray:
    """``at_most`` positions of ``range(n)``: the first half of them in a row, the rest evenly up to the last."""
    central = (at_most + 1) // 2
    rest = np.linspace(n - 1, central, at_most - central).round().astype(int)[::-1]  # a single one is the last
    return np.concatenate([np.arange(central), rest])
