"""The order of an experiment's trials, across embeddings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from runner.score.neighbor_information import neighbor_information, neighborhood
from runner.score.scorecard import is_usable
from runner.score.scores import Scores

SAME_SCORE_DIGITS = 12
"""Scores that agree to that many decimals are a tie: the rest is the order of a sum."""


@dataclass(frozen=True)
class Candidate:
    """A clustering to be ranked: a trial that is done, or a null baseline.

    Attributes:
        id: unique among trials and null baselines.
        embedding: key of the embedding that was clustered.
        scores: as from ``score_clustering``.
    """

    id: str
    embedding: str
    scores: Scores


@dataclass(frozen=True)
class Ranking:
    """The outcome for all candidates.

    Attributes:
        ids: usable trials, best first: those that beat chance, then the others.
        unusable: the other trials, in no better order than by score.
        scores: ranking score of every candidate by its id, null baselines included.
        null_ranks: the place that each null baseline, by its id, would have among ``ids``, 1 for the best: below every
            trial that beats chance.
        yardstick: how trials were compared, in one sentence.
    """

    ids: tuple[str, ...]
    unusable: tuple[str, ...]
    scores: Mapping[str, float]
    null_ranks: Mapping[str, int]
    yardstick: str


def rank_trials(
    trials: Sequence[Candidate],
    labels: Callable[[str], np.ndarray],
    graphs: Mapping[str, np.ndarray],
    *,
    nulls: Sequence[Candidate] = (),
    pair_weight: float = 0.0,
) -> Ranking:
    """Rank trials by the information that their labels give about neighbours, the same yardstick for all.

    Every clustering is measured on the neighbour graphs of *all* embeddings of the experiment, and the mean counts.
    Measured on its own graph alone, an embedding that crowds its vectors into few dimensions would win, as whatever
    cuts it up keeps neighbours together there; measured on the others' graphs alone, a good embedding among bad ones
    would lose, as only *its* clusterings would be judged by bad graphs.

    On its own graph a clustering is given credit only for what clusters of its sizes would not have in a cloud
    without clusters, ``structureless_neighbor_information``: that graph shares the noise of the vectors that were
    clustered, and whatever cuts noise to pieces that fit it would else look better the finer it cuts. This is the
    idea of the gap statistic (Tibshirani, Walther and Hastie 2001). The score can be negative.

    Args:
        trials: those that are done.
        labels: gives the labels of a candidate by its id, int, shape (n,); asked at most once per candidate.
        graphs: by embedding key, int, shape (n, k); nearest neighbours under each embedding, nearest first.
        nulls: null baselines, ranked like trials.
        pair_weight: weight w of the must-link and cannot-link pairs: with a share s of them satisfied, a positive score
            counts (1 + w·s) / (1 + w) times, and a negative one is divided by that, so that pairs decide between good
            clusterings but can't make one of nothing.

    Returns:
        The same for the same input in any order; ties go by id.

    Raises:
        ValueError: if there is no graph, or an array's shape or type is not as described.
    """
    if not graphs:
        raise ValueError("ranking needs the neighbour graph of at least one embedding")
    scores = {
        candidate.id: _weighted_by_pairs(
            _information(candidate, labels, graphs)
            - (candidate.scores.structureless_neighbor_information or 0.0) / len(graphs),
            _pair_factor(candidate.scores, pair_weight),
        )
        for candidate in (*trials, *nulls)
    }
    beats_null = {trial.id for trial in trials if trial.scores.beats_null}

    def place(candidate_id: str) -> tuple[bool, float, str]:
        return candidate_id not in beats_null, -round(scores[candidate_id], SAME_SCORE_DIGITS), candidate_id

    usable = sorted((trial.id for trial in trials if is_usable(trial.scores)), key=place)
    unusable = sorted((trial.id for trial in trials if not is_usable(trial.scores)), key=place)
    null_ranks = {null.id: 1 + sum(place(trial_id) < place(null.id) for trial_id in usable) for null in nulls}
    return Ranking(tuple(usable), tuple(unusable), scores, null_ranks, _yardstick(len(graphs)))


def _information(candidate: Candidate, labels: Callable[[str], np.ndarray], graphs: Mapping[str, np.ndarray]) -> float:
    """Mean neighbour information over the graphs, in nats; that on the candidate's own graph is among its scores."""
    own = candidate.scores.neighbor_information if candidate.embedding in graphs else None
    others = [graph for key, graph in graphs.items() if own is None or key != candidate.embedding]
    values = [] if own is None else [own]
    if others:
        found = labels(candidate.id)
        values += [neighbor_information(found, neighborhood(graph)) for graph in others]
    return float(np.mean(values))


def _weighted_by_pairs(score: float, factor: float) -> float:
    """Lower by violated pairs on either side of 0, and in the same order where the same share is satisfied."""
    return score * factor if score >= 0 else score / factor


def _pair_factor(scores: Scores, weight: float) -> float:
    """What the pairs leave of the information; must-link and cannot-link pairs count alike, however many there are."""
    shares = [share for share in (scores.must_link_share, scores.cannot_link_share) if share is not None]
    return (1 + weight * sum(shares) / len(shares)) / (1 + weight) if shares else 1.0


def _yardstick(n_embeddings: int) -> str:
    if n_embeddings == 1:
        return (
            "Trials are ranked by the information that an image's cluster gives about its neighbours' clusters, "
            "beyond what clusters of the same sizes give in a cloud without structure, on the neighbour graph of "
            "their own embedding: with a single embedding there is no other."
        )
    return (
        "Trials are ranked by the information that an image's cluster gives about its neighbours' clusters, "
        f"averaged over the neighbour graphs of all {n_embeddings} embeddings, beyond what clusters of the same sizes "
        "give in a cloud without structure."
    )
