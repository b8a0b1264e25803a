"""Ranking of an experiment's trials: from their records and labels to an order, null baselines among them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from runner.cluster.trial import TrialStatus
from runner.images.constraints import Pairs
from runner.results.summary import NullRecord, TrialRecord
from runner.score.constraints import with_pair_shares
from runner.score.ranking import Candidate, rank_trials


@dataclass(frozen=True)
class RankedExperiment:
    """Trial records with their ranking scores, the usable ones' ids best first, and the null baselines."""

    records: list[TrialRecord]
    ids: list[str]
    nulls: list[NullRecord]
    yardstick: str


def rank_records(
    records: Sequence[TrialRecord],
    null_records: Sequence[TrialRecord],
    labels: Callable[[str], np.ndarray],
    graphs: Mapping[str, np.ndarray],
    pairs: Pairs | None,
    pair_weight: float,
) -> RankedExperiment:
    """Rank the trials that are done.

    Args:
        records: all trials.
        null_records: the null baselines, scored like trials.
        labels: from the id of a trial or null baseline to its labels, int32, shape (n,).
        graphs: neighbour indices of every embedding, int32, shape (n, k), by its key.
        pairs: must-link and cannot-link rows. They are scored here and not with the trials, so that a finished
            experiment is ranked again at once when they change.
        pair_weight: weight of the pairs in the ranking score.
    """
    if pairs is not None:
        records = _with_pair_scores(records, labels, pairs)
        null_records = _with_pair_scores(null_records, labels, pairs)
    ranking = rank_trials(
        _candidates(records), labels, graphs, nulls=_candidates(null_records), pair_weight=pair_weight
    )
    nulls = [
        NullRecord(
            id=record.id,
            embedding=record.embedding,
            n_clusters=record.scores.n_clusters,
            scores=record.scores,
            rank=ranking.null_ranks[record.id],
        )
        for record in _with_scores(null_records, ranking.scores)
        if record.scores is not None
    ]
    return RankedExperiment(_with_scores(records, ranking.scores), list(ranking.ids), nulls, ranking.yardstick)


def _with_pair_scores(
    records: Iterable[TrialRecord], labels: Callable[[str], np.ndarray], pairs: Pairs
) -> list[TrialRecord]:
    def scored(record: TrialRecord) -> TrialRecord:
        if record.status is not TrialStatus.DONE or record.scores is None:
            return record
        scores = with_pair_shares(record.scores, labels(record.id), pairs.must_link, pairs.cannot_link)
        return record.model_copy(update={"scores": scores})

    return [scored(record) for record in records]


def _candidates(records: Iterable[TrialRecord]) -> list[Candidate]:
    return [
        Candidate(record.id, record.embedding, record.scores)
        for record in records
        if record.status is TrialStatus.DONE and record.scores is not None
    ]


def _with_scores(records: Iterable[TrialRecord], ranking_scores: Mapping[str, float]) -> list[TrialRecord]:
    return [
        record
        if record.scores is None or record.id not in ranking_scores
        else record.model_copy(update={"scores": replace(record.scores, ranking_score=ranking_scores[record.id])})
        for record in records
    ]
