"""Names of fields, whatever models and parameters are called."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.cluster.trial import ClusteringConfig, Trial, TrialStatus
from runner.errors import UsageError
from runner.integrations.fiftyone.field_names import LONGEST, field_name
from runner.results.summary import EmbeddingRecord, TrialRecord


def embedding(model: str, weights: str = "openai", resolution: int | None = 224) -> EmbeddingRecord:
    return EmbeddingRecord(
        key="key",
        model=model,
        weights=weights,
        resolution=resolution,
        fit=None,
        precision=None,
        dimension=1,
        embedded=0,
        cached=0,
    )


def trial(algorithm: str, params: dict, space: str = "none", key: str = "key") -> TrialRecord:
    return TrialRecord(
        id=Trial(key, ClusteringConfig(algorithm, space, params)).id,
        embedding=key,
        algorithm=algorithm,
        space=space,
        params=params,
        status=TrialStatus.DONE,
        seconds=0,
        finished_at=0,
    )


def test_readable() -> None:
    one = trial("hdbscan", {"min_cluster_size": 10, "cluster_selection_epsilon": 0.25}, "pca:64")
    name = field_name("clusters", embedding("ViT-B-32"), one)
    assert name == f"clusters_ViT_B_32_hdbscan_pca_64_10_0_25_224_openai_{one.id[-10:]}"
    bundled = field_name("clusters", embedding("efficientnet_lite0", "imagenet"), trial("kmeans", {"n_clusters": 8}))
    assert bundled.startswith("clusters_effi_lite0_kmeans_8_224_")


@pytest.mark.parametrize(
    "model", ["efficientnet_lite0", "ViT-B-32", "ViT-L-14-336", "timm/convnext_base", "autoencoder"]
)
@pytest.mark.parametrize("algorithm", ["kmeans", "agglomerative", "hdbscan", "gmm"])
def test_the_side_bar_shows_what_tells_them_apart(model: str, algorithm: str) -> None:
    names = {field_name("clusters", embedding(model), trial(algorithm, {"n": n}))[:30] for n in range(10, 20)}
    assert len(names) == 10


@given(st.text(), st.text(), st.dictionaries(st.text(), st.text() | st.integers() | st.floats(), max_size=4))
def test_fiftyone_can_hold_it(model: str, weights: str, params: dict) -> None:
    name = field_name("clusters", embedding(model, weights, None), trial("k-means", params, "umap:10"))
    assert re.fullmatch(r"clusters(_[A-Za-z0-9]+)+", name) and len(name) <= LONGEST


def test_different_for_every_trial() -> None:
    trials = [
        trial("kmeans", {"n_clusters": k, "init": init}, space, key)
        for k in range(2, 40)
        for init in ("k-means++", "random")
        for space in ("none", "pca:64")
        for key in ("a", "b")
    ]
    names = {field_name("clusters", embedding("a very long name of a model " * 3), one) for one in trials}
    assert len(names) == len(trials)


@pytest.mark.parametrize("prefix", ["", "_a", "a__b", "a_", "1a", "a.b", "größe", "x" * 25, "a b"])
def test_unfit_prefixes(prefix: str) -> None:
    with pytest.raises(UsageError, match="can't begin a field name"):
        field_name(prefix, embedding("m"), trial("kmeans", {}))
