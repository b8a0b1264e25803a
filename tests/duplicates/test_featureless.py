"""Pictures of one colour are duplicates of the same pixels alone, whatever the method."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from runner.config.experiment import ExperimentConfig
from runner.duplicates.config import DuplicatesConfig
from runner.duplicates.find import Duplicates
from runner.duplicates.methods import METHODS, perceptual_hash
from runner.embed.cache.embedding_cache import EmbeddingCache
from runner.embed.embedding_config import EmbeddingConfig, Fit
from runner.experiment.duplicates import find_duplicates
from runner.experiment.run import run_experiment
from runner.images.content_hash import hash_file
from runner.similar.config import SimilarConfig
from runner.similar.find import find_similar

COLOURS = {"white": "white", "black": "black", "blue": (0, 0, 254), "red": "red", "grey": (128,) * 3}
METHOD_NAMES = [name for name in METHODS if name != "exact"]
MODELS = ["pixels:16", "hog:4"]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five colours, white twice more (another file of the same pixels, and another size), four that show something,
    and a smaller version of one of these; all taken in the same second."""
    folder = tmp_path_factory.mktemp("photos")
    for name, colour in COLOURS.items():
        _save(Image.new("RGB", (200, 150), colour), folder / f"{name}.png")
    _save(Image.new("RGB", (200, 150), "white"), folder / "white_too.jpg")
    _save(Image.new("RGB", (150, 200), "white"), folder / "white_upright.png")
    for seed in range(4):
        coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        picture = Image.fromarray(coarse).resize((200, 150), Image.Resampling.NEAREST)
        _save(picture, folder / f"photo_{seed}.png")
    _save(picture.resize((180, 135)), folder / "photo_3_smaller.png")
    return folder


def _save(picture: Image.Image, path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "a camera"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2024:05:01 10:00:00"
    picture.save(path, exif=exif)


def _dropped(found: Duplicates) -> set[str]:
    return {found.links.images.ids[row] for row in found.dropped}


def _groups(found: Duplicates) -> list[list[str]]:
    ids = found.links.images.ids
    return sorted(sorted(ids[member.row] for member in group.members) for group in found.groups)


@pytest.mark.parametrize("within", [None, 5.0])
@pytest.mark.parametrize(("method", "model"), [(name, MODELS[0]) for name in METHOD_NAMES] + [("embedding", MODELS[1])])
def test_only_the_same_pixels_are_dropped(
    method: str, model: str, within: float | None, photos: Path, tmp_path: Path
) -> None:
    settings = {
        "images": photos,
        "method": method,
        "model": model,
        "within": within,
        "threshold": 0.97 if method == "embedding" else 0.75,
    }
    found = find_duplicates(
        DuplicatesConfig.model_validate({**settings, "cache_dir": tmp_path / "cache", "out": tmp_path / "out"})
    )
    groups = _groups(found)
    assert ["white.png", "white_too.jpg"] in groups
    others = [set(group) - {"white.png", "white_too.jpg"} for group in groups]
    assert not any(name.partition(".")[0] in (*COLOURS, "white_upright") for group in others for name in group)
    assert not groups[0][0].startswith("photo") or {"photo_3.png", "photo_3_smaller.png"} <= set(groups[0])
    white = next(group for group in found.groups if len(group.members) == 2 and group.representative in _whites(found))
    assert [member.similarity for member in white.members] == pytest.approx([1, 1]) and white.lowest_similarity
    assert white.lowest_similarity == pytest.approx(1)


def _whites(found: Duplicates) -> set[int]:
    return {row for row, name in enumerate(found.links.images.ids) if name.startswith("white")}


def test_hashes_that_an_earlier_version_kept(photos: Path, tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path / "cache")
    config = EmbeddingConfig("phash", "imagehash", perceptual_hash._fingerprint(), perceptual_hash.SIDE, Fit.RESIZE)
    plain = -np.ones(64, dtype=np.float32)
    plain[0] = 1  # the only bit that a plain picture's hash had: that of its brightness
    hashes = [hash_file(photos / f"{name}.png") for name in COLOURS if name != "black"]
    cache.append(config, hashes, np.tile(plain, (len(hashes), 1)))
    found = find_duplicates(
        DuplicatesConfig(images=photos, method="hash", threshold=1, cache_dir=cache.cache_dir, out=tmp_path / "out")
    )
    assert ["white.png", "white_too.jpg"] in _groups(found)
    assert _dropped(found) <= {"white.png", "white_too.jpg", "photo_3.png", "photo_3_smaller.png"}
    assert len(cache.missing(config.key, hashes)) == 0


@pytest.mark.check
def test_in_an_experiment_and_by_example(photos: Path, tmp_path: Path) -> None:
    settings = {"images": photos, "models": MODELS, "mode": "debug", "top": 1, "algorithms": ["kmeans"]}
    results = tmp_path / "results"
    run_experiment(ExperimentConfig.model_validate({**settings, "cache_dir": tmp_path / "cache", "out": results}))
    for embedding in ("pixels", "hog"):
        found = find_duplicates(DuplicatesConfig(results=results, embedding=embedding, threshold=0.97))
        assert ["white.png", "white_too.jpg"] in _groups(found)
        assert not {name.partition(".")[0] for name in _dropped(found)} & {*COLOURS, "white_upright"} - {"white"}
    similar = find_similar(SimilarConfig(queries=("white.png", "photo_3.png"), results=results, count=11))
    for neighbors in similar.results[0].neighbors:
        assert similar.images.ids[neighbors.rows[0]] == "white_too.jpg"
        assert neighbors.similarities.tolist() == [1] + [0] * 10
    for neighbors in similar.results[1].neighbors:
        assert similar.images.ids[neighbors.rows[0]].startswith("photo")
        plain = [name.partition(".")[0] in COLOURS for name in (similar.images.ids[row] for row in neighbors.rows)]
        assert not neighbors.similarities[plain].any()
