"""Pairs of images compared: all of them where that is cheap, else the likely ones, with what is missed measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from runner.images.similarity.base import CodeMeasure, Description, Measure
from runner.images.similarity.codes import nearest_codes, spanning_tree_of_codes
from runner.images.similarity.describe import describe_files
from runner.images.similarity.featureless import comparable, pairs_of_equals
from runner.images.similarity.hashes import Phash
from runner.images.similarity.time_window import TimeWindow
from runner.utils.progress import progress_bar

ALL_PAIRS = 500_000
"""Pairs up to which all are compared, whatever the measure: those of 1,000 images, at most two minutes on two cores.
Candidates are so many as well, where there is no need of more."""

NEAREST = 10
"""Candidates of each image, at least: so many nearest by perceptual hash, as many nearest neighbours of the embedding,
and as many that the measure itself finds likely."""

SAMPLED_PAIRS = 20_000
"""About so many pairs are compared in full to measure what the candidates miss."""

_PAIRS_AT_A_TIME = 512
_THREADS = 2  # what compares a pair works outside Python's lock


@dataclass(frozen=True)
class ComparedImages:
    """How alike the images are, as far as they were compared.

    Attributes:
        edges: int32, shape (m, 2), pairs of rows, each once.
        similarities: float64, shape (m,).
        sampled: float64, shape (s,): similarity of each pair of a random sample of images with all others; empty where
            all pairs are known.
        found: bool, shape (s,): whether it is among ``edges``.
        unreadable: why an image could not be read, by row; it is in no edge.
    """

    edges: np.ndarray
    similarities: np.ndarray
    sampled: np.ndarray
    found: np.ndarray
    unreadable: dict[int, str]

    def recall(self, threshold: float) -> float | None:
        """Share of the sample's pairs at least so alike that are among ``edges``; None where there are none to miss."""
        alike = self.sampled >= threshold
        return float(self.found[alike].mean()) if alike.any() else None


def compare_images(
    paths: Sequence[Path],
    measure: Measure,
    neighbors: np.ndarray | None = None,
    seed: int = 0,
    window: TimeWindow | None = None,
) -> ComparedImages:
    """Compare the images at ``paths``.

    Args:
        paths: image files, at least one.
        measure: how they are compared.
        neighbors: int, shape (n, k), rows of each image's nearest others by some embedding, nearest first; None where
            there is none.
        seed: of the sample by which the candidates are judged.
        window: which pairs count at all; None where all do.

    Returns:
        for measures that are codes, spanning trees that have the same groups at every threshold as all pairs have.
        Pictures in which the measure finds nothing are in edges with the same pixels alone.
    """
    if isinstance(measure, CodeMeasure) and window is None:
        return _compare_codes(paths, measure)
    n_pairs = len(paths) * (len(paths) - 1) // 2 if window is None else window.count()
    everything = isinstance(measure, CodeMeasure) or n_pairs <= ALL_PAIRS
    described, unreadable = _split(describe_files(paths, [measure] if everything else [measure, Phash()]))
    rows = np.array(sorted(described), dtype=np.int32)
    own = {row: descriptions[0] for row, descriptions in described.items()}
    featureless = _featureless(own, window)
    if everything:
        pairs, none = _all_pairs(rows, window), np.empty(0)
        pairs = pairs[np.logical_or(*comparable(pairs, featureless))]
        return ComparedImages(pairs, _compare(measure, own, pairs), none, none.astype(bool), unreadable)
    rows = np.array([row for row in rows.tolist() if row not in featureless], dtype=np.int32)
    hashes = _codes({row: described[row][1] for row in rows.tolist()})
    pairs = candidate_pairs(rows, hashes, neighbors, measure, [own[row].features for row in rows.tolist()])
    pairs = np.concatenate([pairs, pairs_of_equals(featureless)])
    sample = _sampled_pairs(rows, seed)
    if window is not None:
        pairs, sample = pairs[window.allows(pairs)], sample[window.allows(sample)]
    known = set(map(tuple, pairs.tolist()))
    found = np.array([pair in known for pair in map(tuple, sample.tolist())], dtype=bool)
    return ComparedImages(pairs, _compare(measure, own, pairs), _compare(measure, own, sample), found, unreadable)


def candidate_pairs(
    rows: np.ndarray,
    hashes: Mapping[int, np.ndarray],
    neighbors: np.ndarray | None,
    measure: Measure,
    features: Sequence[Any],
) -> np.ndarray:
    """Pairs worth comparing: nearest by hash, by embedding where it is known, by the measure where it gives a hint.

    Args:
        rows: int32, shape (m,), ascending: the images that can be read and in which the measure finds something.
        hashes: those of them that have a perceptual hash, uint64, shape (width,), by row.
        neighbors: see ``compare_images``.
        measure: what they will be compared by.
        features: what it has made of them.

    Returns:
        int32, shape (n_pairs, 2), each pair once, the lower row first.
    """
    k = min(max(NEAREST, ALL_PAIRS // (3 * len(rows) or 1)), len(rows) - 1)
    pairs = [np.empty((0, 2), np.int32)]
    if len(hashes) > 1:
        hashed, words = np.array(list(hashes), dtype=np.int32), np.stack(list(hashes.values()))
        pairs.append(_with_each(hashed, hashed[nearest_codes(words, min(k, len(hashed) - 1), True)]))
    if k > 0:
        likely = measure.likely(features, k)
        if likely is not None:
            pairs.append(_with_each(rows, rows[likely]))
    if neighbors is not None and len(rows):
        pairs.append(_with_each(rows, np.asarray(neighbors)[rows, : max(NEAREST, k)]))
    joined = np.sort(np.concatenate(pairs), axis=1)
    readable = np.isin(joined, rows).all(axis=1) & (joined[:, 0] < joined[:, 1])
    return np.unique(joined[readable], axis=0).astype(np.int32)


def _with_each(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    return np.stack([np.repeat(rows, others.shape[1]), others.ravel()], axis=1)


def _all_pairs(rows: np.ndarray, window: TimeWindow | None) -> np.ndarray:
    """All pairs of ``rows`` that count, the lower row first."""
    if window is None:
        return rows[np.stack(np.triu_indices(len(rows), 1), axis=1)]
    near = np.concatenate([np.empty((0, 2), np.int32), *window.pairs()])
    return near[np.isin(near, rows).all(axis=1)]


def _sampled_pairs(rows: np.ndarray, seed: int) -> np.ndarray:
    """Pairs of a few random images with all others, the lower row first."""
    count = max(1, SAMPLED_PAIRS // max(1, len(rows)))
    chosen = np.random.default_rng(seed).choice(rows, min(count, len(rows)), replace=False)
    pairs = np.sort(np.stack(np.meshgrid(chosen, rows, indexing="ij"), axis=-1).reshape(-1, 2), axis=1)
    return np.unique(pairs[pairs[:, 0] < pairs[:, 1]], axis=0)


def _compare_codes(paths: Sequence[Path], measure: CodeMeasure) -> ComparedImages:
    described, unreadable = _split(describe_files(paths, [measure]))
    own = {row: described[row][0] for row in sorted(described)}
    featureless = _featureless(own, None)
    codes = _codes(own)
    edges, distances = np.empty((0, 2), dtype=np.int32), np.empty(0)
    if codes:
        tree, distances = spanning_tree_of_codes(np.stack(list(codes.values())), measure.of_bits)
        edges = np.array(list(codes), dtype=np.int32)[tree]
    equal, none = pairs_of_equals(featureless), np.empty(0)
    similarities = np.concatenate([np.ones(len(equal)), 1 - distances / measure.parts])
    return ComparedImages(np.concatenate([equal, edges]), similarities, none, none.astype(bool), unreadable)


def _codes(described: Mapping[int, Description]) -> dict[int, np.ndarray]:
    """The code of each picture in which the measure finds something, by row."""
    return {row: each.features for row, each in described.items() if each.features is not None}


def _featureless(described: Mapping[int, Description], window: TimeWindow | None) -> dict[int, bytes]:
    """The digest of each picture in which the measure finds nothing, by row; in order of time where there is a window,
    as then the same pixels are linked in chains that no third one breaks."""
    rows = [row for row, each in described.items() if each.features is None]
    if window is not None:
        rows.sort(key=lambda row: (np.isnan(window.times[row]), window.times[row]))
    return {row: described[row].picture for row in rows}


def _split(
    outcomes: Sequence[tuple[Description, ...] | str],
) -> tuple[dict[int, tuple[Description, ...]], dict[int, str]]:
    described = {row: outcome for row, outcome in enumerate(outcomes) if not isinstance(outcome, str)}
    return described, {row: outcome for row, outcome in enumerate(outcomes) if isinstance(outcome, str)}


def _compare(measure: Measure, described: dict[int, Description], pairs: np.ndarray) -> np.ndarray:
    """Similarity of each pair, float64."""

    def compared(start: int) -> list[float]:
        part = pairs[start : start + _PAIRS_AT_A_TIME].tolist()
        return [measure.compare(described[first], described[second]) for first, second in part]

    starts = range(0, len(pairs), _PAIRS_AT_A_TIME)
    values: list[float] = []
    with ThreadPoolExecutor(_THREADS) as pool, progress_bar(len(pairs), f"{measure.name}: pairs", "pair") as bar:
        for part in pool.map(compared, starts):
            values += part
            bar.update(len(part))
    return np.array(values, dtype=np.float64)
