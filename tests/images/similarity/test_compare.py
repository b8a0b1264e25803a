"""Comparing many images: groups at every threshold, candidates, unreadable files, and the algorithms of a sweep."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from skimage import data

from runner.cluster.geometry import build_geometry
from runner.cluster.spaces import Space
from runner.config.experiment import ExperimentConfig
from runner.errors import UsageError
from runner.experiment.run import plan_experiment, run_experiment
from runner.images.decode import decode_image
from runner.images.similarity import compare as pairs_module
from runner.images.similarity import time_window
from runner.images.similarity.candidates import most_shared
from runner.images.similarity.codes import nearest_codes, packed
from runner.images.similarity.compare import compare_images
from runner.images.similarity.registry import MEASURES
from runner.images.similarity.time_window import TimeWindow


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight pictures of checkered blobs, each with a smaller JPEG of it, by name: 3a.png and 3b.jpg."""
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(8):
        coarse = np.random.default_rng(number).integers(0, 256, (12, 12, 3), dtype=np.uint8)
        image = Image.fromarray(coarse).resize((240, 200), Image.Resampling.NEAREST)
        image.save(folder / f"{number}a.png")
        image.resize((180, 150), Image.Resampling.LANCZOS).save(folder / f"{number}b.jpg", quality=85)
    return folder


def test_nearest_codes_against_all_distances() -> None:
    bits = np.random.default_rng(0).random((40, 64)) < 0.5
    distances = (bits[:, None] != bits).sum(axis=2)
    np.fill_diagonal(distances, 99)
    found = nearest_codes(packed(bits), 5, True)
    assert np.array_equal(np.take_along_axis(distances, found, 1), np.sort(distances, axis=1)[:, :5])


def test_images_that_share_rare_tokens_are_found() -> None:
    tokens = [np.array(each) for each in ([1, 2, 9], [1, 3, 8, 9], [2, 4, 9], [8, 3, 9], [9])]
    assert most_shared(tokens, 1)[:4].ravel().tolist() == [1, 3, 0, 1]


def test_orb_has_rotated_pictures_among_its_candidates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = []
    for number, photograph in enumerate((data.astronaut(), data.chelsea(), data.coffee(), data.rocket())):
        for degrees in (0, 90):
            paths.append(tmp_path / f"{number}-{degrees}.png")
            Image.fromarray(photograph).rotate(degrees, expand=True).save(paths[-1])
    monkeypatch.setattr(pairs_module, "ALL_PAIRS", 0)
    monkeypatch.setattr(pairs_module, "NEAREST", 1)
    compared = compare_images(paths, MEASURES["orb"])
    alike = compared.edges[compared.similarities > 0.25]
    assert {tuple(pair) for pair in alike.tolist()} >= {(2 * number, 2 * number + 1) for number in (0, 1, 2)}


@pytest.mark.parametrize("name", list(MEASURES))
def test_copies_are_nearest_under_every_measure(name: str, pictures: Path) -> None:
    compared = compare_images(sorted(pictures.iterdir()), MEASURES[name])
    best = compared.edges[np.argsort(-compared.similarities, kind="stable")[:8]]
    assert {tuple(pair) for pair in np.sort(best, axis=1).tolist()} == {(2 * n, 2 * n + 1) for n in range(8)}
    assert not len(compared.sampled)  # all pairs are known


def test_candidates_and_what_they_miss(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = sorted(pictures.iterdir())
    everything = compare_images(paths, MEASURES["ssim"])
    known = {tuple(pair): value for pair, value in zip(everything.edges.tolist(), everything.similarities, strict=True)}
    monkeypatch.setattr(pairs_module, "ALL_PAIRS", 0)
    monkeypatch.setattr(pairs_module, "NEAREST", 1)
    neighbors = np.roll(np.arange(16), -1)[:, None]  # the next image, whatever it shows
    some = compare_images(paths, MEASURES["ssim"], neighbors, seed=3)
    assert 16 <= len(some.edges) <= 48
    assert all(known[tuple(pair)] == value for pair, value in zip(some.edges.tolist(), some.similarities, strict=True))
    assert {(row, row + 1) for row in range(15)} <= {tuple(pair) for pair in some.edges.tolist()}
    assert len(some.sampled) == len(known)  # a set so small is sampled whole
    assert some.found.sum() == len(some.edges)
    alike = everything.similarities >= 0.5
    kept = {tuple(pair) for pair in some.edges.tolist()}
    missed = [tuple(pair) not in kept for pair in everything.edges[alike].tolist()]
    assert some.recall(0.5) == pytest.approx(1 - np.mean(missed)) and everything.recall(0.5) is None


@pytest.mark.parametrize("name", ["ssim", "template"])
def test_own_candidates_are_nearly_all_that_is_alike(
    name: str, stamps: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [path for path in sorted(stamps.glob("animals/*/*.png")) if "_mirror" not in path.name][:60]
    for number, path in enumerate(paths[:15]):
        image = decode_image(path)
        paths.append(tmp_path / f"{number}.jpg")
        image.resize((image.width // 2 + 1, image.height // 2 + 1)).save(paths[-1], quality=60)
    monkeypatch.setattr(pairs_module, "ALL_PAIRS", 0)
    compared = compare_images(paths, MEASURES[name])
    assert len(compared.edges) < 0.5 * len(paths) * (len(paths) - 1) / 2
    assert (compared.recall(0.8) or 0) >= 0.95


@pytest.mark.parametrize("name", ["phash", "ssim"])
@pytest.mark.parametrize("all_pairs", [0, 1000])
def test_only_pairs_in_the_window_count(
    name: str, all_pairs: int, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairs_module, "ALL_PAIRS", all_pairs)
    paths = sorted(pictures.iterdir())
    times = np.arange(16.0)
    times[3] = np.nan
    compared = compare_images(paths, MEASURES[name], window=TimeWindow(times, 1))
    pairs = {tuple(pair) for pair in compared.edges.tolist()}
    near = {(row, row + 1) for row in range(15) if 3 not in (row, row + 1)}
    assert (0, 1) in pairs and pairs <= near and (pairs == near or not all_pairs)


@given(
    times=st.lists(st.one_of(st.integers(0, 30).map(float), st.just(float("nan"))), min_size=1, max_size=40),
    seconds=st.integers(0, 10),
    part=st.integers(1, 20),
)
def test_window_has_all_near_pairs_once(times: list[float], seconds: int, part: int) -> None:
    window = TimeWindow(np.array(times), seconds)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time_window, "PAIRS_AT_A_TIME", part)
        found = [tuple(pair) for pairs in window.pairs() for pair in pairs.tolist()]
    expected = [(i, j) for j in range(len(times)) for i in range(j) if abs(times[i] - times[j]) <= seconds]
    assert sorted(found) == sorted(expected) and window.count() == len(expected)
    assert window.allows(np.array(expected, dtype=int).reshape(-1, 2)).all()


def test_unreadable_images_are_in_no_pair(pictures: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    paths = [broken, *sorted(pictures.iterdir())[:4]]
    for name in ("phash", "orb"):
        compared = compare_images(paths, MEASURES[name])
        assert list(compared.unreadable) == [0] and compared.edges.min() == 1


@pytest.mark.check
def test_as_algorithms_of_an_experiment(pictures: Path, tmp_path: Path) -> None:
    config = ExperimentConfig(
        images=pictures,
        models=("pixels:16", "hog:4"),
        algorithms=("phash", "orb"),
        sweep={"orb": {"similarity": [0.5, 0.9]}},
        cache_dir=tmp_path / "cache",
        out=tmp_path / "out",
        top=2,
    )
    assert "once        phash, orb" in "\n".join(plan_experiment(config).lines())
    summary = run_experiment(config)
    assert {record.embedding for record in summary.trials} == {summary.embeddings[0].key}
    orb = [record for record in summary.trials if record.algorithm == "orb"]
    assert [record.params["similarity"] for record in orb] == [0.5, 0.9]
    assert orb[0].scores is not None and orb[0].scores.n_clusters == 8 and orb[0].details["unreadable_images"] == 0
    phash = [record for record in summary.trials if record.algorithm == "phash"]
    assert len(phash) >= 2 and all(0 <= float(record.params["similarity"]) <= 1 for record in phash)
    assert summary.ranking


def test_vectors_without_files_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "vectors.npy", np.random.default_rng(0).random((10, 4)))
    config = ExperimentConfig(embeddings=tmp_path / "vectors.npy", algorithms=("phash",), out=tmp_path / "out")
    with pytest.raises(UsageError, match="phash must look at the image files"):
        plan_experiment(config)


def test_a_geometry_knows_its_image_files_only_when_told(tmp_path: Path) -> None:
    np.save(tmp_path / "vectors.npy", np.eye(3, dtype=np.float32))
    folder = tmp_path / "geometry"
    geometry = build_geometry(folder, Space.parse("none"), tmp_path / "vectors.npy", base=None, min_samples=1, seed=0)
    with pytest.raises(FileNotFoundError):
        geometry.image_paths  # noqa: B018
    geometry.set_image_paths([tmp_path / "a.png", tmp_path / "b.png", tmp_path / "c.png"])
    assert geometry.image_paths[1] == tmp_path / "b.png"
