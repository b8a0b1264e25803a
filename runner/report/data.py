"""What the report's interactive parts draw, as plain values for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from runner.cluster.flat_map import EmbeddingMap
from runner.images.thumbnails import Thumbnails
from runner.report.inputs import Results
from runner.report.plots.style import PALETTE, algorithm_colors, cluster_colors
from runner.results.display_names import short_embedding_names, trial_name
from runner.results.summary import NullRecord, TrialRecord
from runner.score.catalogue import Shown, known_among, shown_in

MAX_THUMBNAILS = 1500
"""With more images than this on the map, it shows names only: the page would become too heavy."""

THUMBNAIL_SIDE = 72


def comparison_data(results: Results, top: int) -> dict[str, object]:
    """Every scored trial and null baseline as a point."""
    summary = results.summary
    ranks = {trial_id: place for place, trial_id in enumerate(summary.ranking, start=1)}
    scored = [trial for trial in summary.trials if trial.scores is not None]
    known = known_among(shown_in(Shown.AXIS), (trial.scores for trial in scored))
    keys = [score.key for score in known]
    return {
        "measures": [(score.key, score.name) for score in known],
        "colors": algorithm_colors(summary),
        "moreColors": PALETTE,
        "embeddings": short_embedding_names(summary.embeddings),
        "top": top,
        "points": [_point(trial, ranks.get(trial.id), keys) for trial in scored],
        "nulls": [_null_point(null, keys) for null in summary.null_baselines],
    }


def _point(trial: TrialRecord, rank: int | None, keys: Sequence[str]) -> dict[str, object]:
    assert trial.scores is not None
    scores = asdict(trial.scores)
    return {
        "id": trial.id,
        "rank": rank,
        "name": trial_name(trial),
        **{name: getattr(trial, name) for name in ("algorithm", "space", "embedding", "seconds")},
        **{name: scores[name] for name in ("n_clusters", "noise_share", "largest_share", "beats_null", *keys)},
    }


def _null_point(null: NullRecord, keys: Sequence[str]) -> dict[str, object]:
    scores = asdict(null.scores)
    names = ("n_clusters", "noise_share", "largest_share", *keys)
    return {"embedding": null.embedding, **{name: scores[name] for name in names}}


def map_data(
    results: Results, maps: Sequence[EmbeddingMap], trials: Sequence[TrialRecord], thumbnails: Thumbnails | None
) -> dict[str, object] | None:
    """Maps of all embeddings with the clusters of the trials that may colour them; None if there is no map.

    All maps show the same images, as they are drawn from equally many with one seed.
    """
    if not maps:
        return None
    rows = maps[0].rows
    names = short_embedding_names(results.summary.embeddings)
    labels = {trial.id: results.labels(trial.id)[rows] for trial in trials}
    n_colors = max((int(each.max(initial=-1)) + 1 for each in labels.values()), default=0)
    return {
        "maps": [
            {
                "name": names[drawn.embedding],
                "method": drawn.method,
                "best": best.id if (best := results.best_trial_of(drawn.embedding)) else None,
                **dict(zip("xy", _rounded(drawn.coordinates), strict=True)),
            }
            for drawn in maps
        ],
        "ids": [results.images.ids[row] for row in rows],
        "trials": [{"id": trial.id, "name": _ranked_name(results, trial, names)} for trial in trials],
        "labels": {trial_id: each.tolist() for trial_id, each in labels.items()},
        "colors": cluster_colors(min(n_colors, 360)),
        "targets": np.flatnonzero(np.isin(rows, results.target_rows)).tolist(),
        "thumbnails": _thumbnails(rows, thumbnails),
    }


def _rounded(coordinates: np.ndarray) -> list[list[float]]:
    """x and y with four digits of the map's width: finer than a screen shows."""
    width = float(np.ptp(coordinates, axis=0).max()) or 1.0
    scaled = (coordinates.astype(np.float64) - coordinates.min(axis=0)) / width
    return np.round(scaled, 4).T.tolist()


def _ranked_name(results: Results, trial: TrialRecord, names: dict[str, str]) -> str:
    where = f" · {names[trial.embedding]}" if len(names) > 1 else ""
    return f"{results.summary.ranking.index(trial.id) + 1}. {trial_name(trial)}{where}"


def _thumbnails(rows: np.ndarray, thumbnails: Thumbnails | None) -> list[str | None] | None:
    if thumbnails is None or len(rows) > MAX_THUMBNAILS:
        return None
    thumbnails.load(rows.tolist())
    return [thumbnails.data_uri(int(row), THUMBNAIL_SIDE) for row in rows]


def map_trials(results: Results, top: int) -> list[TrialRecord]:
    """Trials whose clusters may colour a map: the best of all, and the best of each embedding, in order of rank."""
    best = dict.fromkeys(results.summary.ranking[:top])
    for embedding in results.summary.embeddings:
        own = results.best_trial_of(embedding.key)
        if own is not None:
            best[own.id] = None
    order = {trial_id: place for place, trial_id in enumerate(results.summary.ranking)}
    return [results.summary.trial(trial_id) for trial_id in sorted(best, key=order.__getitem__)]
