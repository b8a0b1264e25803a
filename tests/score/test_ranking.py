"""The order of trials: what must be first, what must be last, and that it is always the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from runner.cluster.trial import NOISE
from runner.score.constraints import with_pair_shares
from runner.score.neighbor_information import neighbor_information, neighborhood
from runner.score.null_baseline import null_cluster_counts
from runner.score.ranking import Candidate, Ranking, rank_trials
from runner.score.scorecard import score_clustering
from tests.score.clusterings import blobs, neighbor_graph, random_labels, with_noise

NO_PAIRS = np.empty((0, 2), dtype=np.int64)
GOOD, TRUTH = blobs(500, 16, 8, spread=0.35, seed=0)
GENERATOR = np.random.default_rng(1)
BLURRED = GOOD + 0.25 * GENERATOR.normal(size=GOOD.shape).astype(np.float32)
BLURRED /= np.linalg.norm(BLURRED, axis=1, keepdims=True)
UNRELATED, ELSEWHERE = blobs(500, 3, 12, spread=0.2, seed=2)  # crisp, but says nothing about the images
VECTORS = {"good": GOOD, "blurred": BLURRED, "unrelated": UNRELATED}
GRAPHS = {key: neighbor_graph(vectors, 30) for key, vectors in VECTORS.items()}


class Sweep:
    """Clusterings by id, scored as a sweep scores them."""

    def __init__(self, must_link: np.ndarray = NO_PAIRS, cannot_link: np.ndarray = NO_PAIRS) -> None:
        self.labels: dict[str, np.ndarray] = {}
        self.must_link, self.cannot_link = must_link, cannot_link

    def candidate(self, trial_id: str, embedding: str, labels: np.ndarray) -> Candidate:
        self.labels[trial_id] = labels
        scores = score_clustering(
            labels,
            VECTORS[embedding],
            GRAPHS[embedding],
            truth=None,
            seed=0,
        )
        return Candidate(trial_id, embedding, with_pair_shares(scores, labels, self.must_link, self.cannot_link))

    def nulls(self, embedding: str) -> list[Candidate]:
        return [
            self.candidate(f"null-{embedding}-{count}", embedding, random_labels(500, count, seed=count))
            for count in null_cluster_counts(500)
        ]

    def rank(self, trials: list[Candidate], keys: list[str], **options: object) -> Ranking:
        return rank_trials(trials, self.labels.__getitem__, {key: GRAPHS[key] for key in keys}, **options)  # type: ignore[arg-type]


def test_good_first_null_below_all_that_beat_chance_unusable_apart() -> None:
    sweep = Sweep()
    giant = np.zeros(500, int)
    giant[:4] = 1
    trials = [
        sweep.candidate("merged", "good", TRUTH // 2),
        sweep.candidate("random", "good", random_labels(500, 8, seed=9)),
        sweep.candidate("truth", "good", TRUTH),
        sweep.candidate("noisy", "good", with_noise(TRUTH, 0.6, seed=0)),
        sweep.candidate("one", "good", np.zeros(500, int)),
        sweep.candidate("nothing", "good", np.full(500, NOISE)),
        sweep.candidate("singletons", "good", np.arange(500)),
        sweep.candidate("giant", "good", giant),
    ]
    nulls = sweep.nulls("good")
    ranking = sweep.rank(trials, ["good"], nulls=nulls)
    assert ranking.ids[:2] == ("truth", "merged")
    assert set(ranking.unusable) >= {"one", "nothing", "singletons"}
    assert set(ranking.ids) | set(ranking.unusable) == {trial.id for trial in trials}
    beating = [trial.id for trial in trials if trial.scores.beats_null]
    assert set(ranking.null_ranks) == {null.id for null in nulls}
    for null_rank in ranking.null_ranks.values():
        assert all(ranking.ids.index(trial_id) + 1 < null_rank for trial_id in beating)


def test_with_one_embedding_the_score_is_its_own_information() -> None:
    sweep = Sweep()
    trial = sweep.candidate("a", "good", TRUTH)
    ranking = sweep.rank([trial], ["good"])
    assert ranking.scores["a"] == trial.scores.neighbor_information
    assert "single embedding" in ranking.yardstick


def test_all_embeddings_measure_every_trial() -> None:
    sweep = Sweep()
    trials = [sweep.candidate("a", "good", TRUTH), sweep.candidate("b", "blurred", TRUTH)]
    ranking = sweep.rank(trials, ["good", "blurred"])
    expected = np.mean([neighbor_information(TRUTH, neighborhood(GRAPHS[key])) for key in ("good", "blurred")])
    assert ranking.scores["a"] == ranking.scores["b"] == expected
    assert "2 embeddings" in ranking.yardstick


def test_a_crisp_embedding_that_means_nothing_does_not_win() -> None:
    """On its own graph its clustering has more information than the true one has on either good graph."""
    sweep = Sweep()
    trials = [
        sweep.candidate("unrelated", "unrelated", ELSEWHERE),
        sweep.candidate("good", "good", TRUTH),
        sweep.candidate("blurred", "blurred", TRUTH // 2),
    ]
    own = {trial.id: trial.scores.neighbor_information for trial in trials}
    assert max(own, key=own.__getitem__) == "unrelated"
    assert sweep.rank(trials, ["good", "blurred", "unrelated"]).ids[0] == "good"


def test_ties_and_order_of_input() -> None:
    sweep = Sweep()
    renamed = np.random.default_rng(0).permutation(8)[TRUTH]
    trials = [sweep.candidate(name, "good", renamed if name == "c" else TRUTH) for name in "bca"]
    assert sweep.rank(trials, ["good", "blurred"]).ids == ("a", "b", "c")
    assert sweep.rank(trials[::-1], ["blurred", "good"]).ids == ("a", "b", "c")


def test_labels_are_asked_for_one_at_a_time_and_for_the_graphs_of_others_alone() -> None:
    sweep = Sweep()
    trials = [sweep.candidate(name, "good", TRUTH) for name in "abc"]
    asked: list[str] = []

    def labels(trial_id: str) -> np.ndarray:
        asked.append(trial_id)
        return sweep.labels[trial_id]

    rank_trials(trials, labels, GRAPHS)
    assert asked == ["a", "b", "c"]
    asked.clear()
    rank_trials(trials, labels, {"good": GRAPHS["good"]})
    assert not asked


def test_pairs_decide_between_good_clusterings_but_make_none_of_nothing() -> None:
    first_of_cluster = np.unique(TRUTH, return_index=True)[1]
    together = first_of_cluster.reshape(4, 2)
    sweep = Sweep(must_link=together)
    trials = [
        sweep.candidate("fine", "good", TRUTH),
        sweep.candidate("coarse", "good", TRUTH // 2),
        sweep.candidate("one", "good", np.zeros(500, int)),
    ]
    assert sweep.rank(trials, ["good"]).ids == ("fine", "coarse")
    assert sweep.rank(trials, ["good"], pair_weight=0.0).ids == ("fine", "coarse")
    weighted = sweep.rank(trials, ["good"], pair_weight=3.0)
    assert weighted.ids == ("coarse", "fine")
    assert weighted.scores["one"] == 0
    assert weighted.scores["coarse"] == trials[1].scores.neighbor_information
    assert weighted.scores["fine"] == pytest.approx(trials[0].scores.neighbor_information / 4)  # type: ignore[operator]


def test_pairs_that_all_violate_alike_change_no_order() -> None:
    first_of_cluster = np.unique(TRUTH, return_index=True)[1]
    sweep = Sweep(must_link=first_of_cluster.reshape(4, 2))
    trials = []
    for name, labels, structureless in (("a", TRUTH, 0.4), ("b", TRUTH, 1.5), ("c", TRUTH, 3.0), ("d", TRUTH, 2.0)):
        trial = sweep.candidate(name, "good", labels)
        trials.append(replace(trial, scores=replace(trial.scores, structureless_neighbor_information=structureless)))
    plain = sweep.rank(trials, ["good"])
    weighted = sweep.rank(trials, ["good"], pair_weight=2.0)
    assert plain.ids == weighted.ids == ("a", "b", "d", "c")
    assert weighted.scores["c"] < plain.scores["c"] < 0 < weighted.scores["a"] < plain.scores["a"]


def test_chance_is_settled_before_the_score() -> None:
    sweep = Sweep()
    sure, doubtful = sweep.candidate("sure", "good", TRUTH // 4), sweep.candidate("doubtful", "good", TRUTH)
    doubtful = replace(doubtful, scores=replace(doubtful.scores, beats_null=False))
    assert sweep.rank([doubtful, sure], ["good"]).ids == ("sure", "doubtful")


def test_without_a_graph_there_is_no_ranking() -> None:
    with pytest.raises(ValueError, match="at least one embedding"):
        rank_trials([], lambda _: TRUTH, {})


def test_no_trials_no_ranking() -> None:
    ranking = rank_trials([], lambda _: TRUTH, GRAPHS)
    assert ranking.ids == ranking.unusable == ()
