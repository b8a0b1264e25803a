"""Plots are drawn for every kind of experiment, and the same way each time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from runner.cluster.flat_map import EmbeddingMap
from runner.cluster.trial import NOISE
from runner.report.plots.cluster_sizes import plot_cluster_sizes
from runner.report.plots.comparison import _ranges, plot_comparison
from runner.report.plots.embedding_map import plot_embedding_map
from runner.report.plots.silhouette_plot import plot_silhouettes
from runner.report.plots.style import TARGET_COLOR, cluster_colors
from runner.score.cluster_statistics import cluster_facts
from tests.report.experiments import image_names, make_results, unit_vectors

HOSTILE = "$\\frac{1}{0}$ <b>&amp; _x_ ^ \n %s {0} 日本"


def _colors(path: Path) -> int:
    with Image.open(path) as image:
        return len(image.convert("RGB").getcolors(10_000_000) or [])


def test_comparison_shows_every_trial(tmp_path: Path) -> None:
    results = make_results(None, image_names(30))
    first = plot_comparison(results.summary, tmp_path / "one.png", annotated=3)
    second = plot_comparison(results.summary, tmp_path / "two.png", annotated=3)
    assert first is not None
    assert second is not None
    assert first.read_bytes() == second.read_bytes()
    assert _colors(first) > 50


def test_comparison_without_scores_is_left_out(tmp_path: Path) -> None:
    assert plot_comparison(make_results(None, image_names(3), clusters=()).summary, tmp_path / "plot.png") is None
    assert not (tmp_path / "plot.png").exists()


def test_comparison_copes_with_trials_without_a_cluster(tmp_path: Path) -> None:
    results = make_results(None, image_names(9), clusters=(2,))
    trials = [
        trial.model_copy(update={"scores": type(trial.scores)(0, 1.0, 0.0, 0.0, 0.0, ranking_score=0.0)})
        for trial in results.summary.trials
        if trial.scores is not None
    ]
    assert plot_comparison(results.summary.model_copy(update={"trials": trials}), tmp_path / "plot.png") is not None


@pytest.mark.parametrize(("ranks", "text"), [([1], "#1"), ([1, 2, 3, 5], "#1–3, #5"), ([2, 4, 5], "#2, #4–5")], ids=str)
def test_ranks_are_written_as_ranges(ranks: list[int], text: str) -> None:
    assert _ranges(ranks) == text


@pytest.mark.parametrize(
    "labels",
    [[0], [0, NOISE], [0] * 500 + [1], list(range(200)), [row % 60 for row in range(400)] + [NOISE] * 3000],
    ids=["one image", "with noise", "lopsided", "singletons", "many"],
)
def test_trial_plots(labels: list[int], tmp_path: Path) -> None:
    kept = np.array(labels, dtype=np.int32)
    facts = cluster_facts(kept, unit_vectors(len(kept)))
    sizes = plot_cluster_sizes(kept, HOSTILE, tmp_path / "sizes.png")
    assert sizes is not None
    assert _colors(sizes) > 20
    silhouettes = plot_silhouettes(facts, HOSTILE, tmp_path / "silhouettes.png")
    assert (silhouettes is None) == (facts.n_clusters < 2)


def test_nothing_but_noise_has_no_plots(tmp_path: Path) -> None:
    labels = np.full(9, NOISE, np.int32)
    assert plot_cluster_sizes(labels, "noise", tmp_path / "sizes.png") is None
    assert plot_silhouettes(cluster_facts(labels, unit_vectors(9)), "noise", tmp_path / "plot.png") is None


@pytest.mark.parametrize("n", [1, 2, 400])
@pytest.mark.parametrize("has_labels", [True, False])
def test_map_marks_targets(n: int, has_labels: bool, tmp_path: Path) -> None:
    coordinates = np.random.default_rng(0).normal(size=(n, 2)).astype(np.float32)
    drawn = EmbeddingMap("key", np.arange(n), coordinates, "PCA", n)
    labels = (np.arange(n) % 7 - 1).astype(np.int32) if has_labels else None
    path = plot_embedding_map(drawn, labels, HOSTILE, tmp_path / "map.png", HOSTILE, [0], [HOSTILE])
    with Image.open(path) as image:
        pixels = image.convert("RGB").getcolors(10_000_000) or []
    star = tuple(int(TARGET_COLOR[place : place + 2], 16) for place in (1, 3, 5))
    assert star in {color for _, color in pixels}


def test_clusters_next_to_each_other_differ_in_colour() -> None:
    colors = cluster_colors(40)
    assert len(set(colors)) == 40
    values = np.array([[int(color[place : place + 2], 16) for place in (1, 3, 5)] for color in colors])
    assert np.abs(np.diff(values, axis=0)).sum(axis=1).min() > 100
