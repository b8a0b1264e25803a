from __future__ import annotations

import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from PIL import ExifTags, Image

from runner.embed import image_reader
from runner.embed.cache.embedding_cache import EmbeddingCache
from runner.embed.embedding_config import EmbeddingConfig, Fit
from runner.embed.pipeline import Counts, EmbeddingRun, embed_images, plan_embeddings
from runner.embed.resolve_models import resolve_models
from runner.errors import RunnerError
from runner.images.decode import decode_image
from runner.images.image_set import ImageSet

Configs = tuple[EmbeddingConfig, ...]
Run = Callable[..., EmbeddingRun]
Write = Callable[[Path, range], list[Path]]


@pytest.fixture
def cache(tmp_path: Path) -> EmbeddingCache:
    return EmbeddingCache(tmp_path / "cache")


@pytest.fixture
def run(cache: EmbeddingCache, tmp_path: Path, tiny_configs: Configs) -> Run:
    """``run(images)`` embeds under the tiny model's six configs, quietly, in batches of five."""

    def embed(images: ImageSet, configs: Configs = tiny_configs, **options: object) -> EmbeddingRun:
        options = {"cache": cache, "out_dir": tmp_path / "out", "batch_size": 5, "progress": lambda *_: None} | options
        return embed_images(images, configs, **options)  # type: ignore[arg-type]

    return embed


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each file is decoded."""
    counter: Counter[str] = Counter()

    def counting(path: Path, **options: object) -> Image.Image:
        counter[path.name] += 1
        return decode_image(path, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(image_reader, "decode_image", counting)
    return counter


def matrices(run: EmbeddingRun) -> list[np.ndarray]:
    return [np.load(embedding.vectors_path) for embedding in run.embeddings]


def reference(path: Path, model: Path, config: EmbeddingConfig) -> np.ndarray:
    """The vector by open_clip's own means, from file to ``encode_image``; for centre crops and stretched images."""
    network = open_clip.create_model(f"local-dir:{model}", force_image_size=config.resolution).eval()
    stated = open_clip.get_model_preprocess_cfg(network)
    transform = open_clip.image_transform(
        config.resolution,
        is_train=False,
        mean=stated["mean"],
        std=stated["std"],
        resize_mode="squash" if config.fit is Fit.RESIZE else "shortest",
    )
    with torch.inference_mode():
        return network.encode_image(transform(Image.open(path).convert("RGB"))[None], normalize=True)[0].numpy()


def test_vectors_are_open_clips_from_file_to_vector(
    run: Run, photos: Path, image_set: Callable[..., ImageSet], tiny_model: Path
) -> None:
    result = run(image_set(photos))
    for embedding, matrix in zip(result.embeddings, matrices(result), strict=True):
        assert matrix.dtype == np.float32
        assert matrix.shape == (12, embedding.dimension) == (12, 16)
        np.testing.assert_allclose(np.linalg.norm(matrix, axis=1), 1, rtol=1e-6)
        assert embedding.config is not None
        if embedding.config.fit is not Fit.LETTERBOX:
            for path, vector in zip(result.images.paths[:3], matrix, strict=False):
                np.testing.assert_allclose(vector, reference(path, tiny_model, embedding.config), atol=1e-5)


def test_resolutions_and_fits_give_different_vectors(
    run: Run, photos: Path, image_set: Callable[..., ImageSet]
) -> None:
    result = run(image_set(photos))
    assert len({embedding.key for embedding in result.embeddings}) == 6
    found = matrices(result)
    for i, one in enumerate(found):
        for other in found[:i]:
            assert np.abs(one - other).max() > 1e-3


def test_several_configs_in_one_pass_are_each_one_alone(
    run: Run, photos: Path, image_set: Callable[..., ImageSet], tiny_configs: Configs, tmp_path: Path
) -> None:
    together = run(image_set(photos))
    elsewhere = EmbeddingCache(tmp_path / "elsewhere")
    for config, matrix in zip(tiny_configs, matrices(together), strict=True):
        alone = run(image_set(photos), (config,), cache=elsewhere, out_dir=tmp_path / "alone", batch_size=3)
        np.testing.assert_allclose(matrices(alone)[0], matrix, atol=1e-6)


def test_each_image_is_decoded_once(
    run: Run, photos: Path, image_set: Callable[..., ImageSet], decoded: Counter[str]
) -> None:
    shutil.copy(photos / "001.png", photos / "copy.png")
    result = run(image_set(photos))
    assert sum(decoded.values()) == 12
    assert set(decoded.values()) == {1}
    assert result.counts == Counts(embedded=12, cached=1)
    assert result.passes == 12 * 6


def test_sizes_beyond_the_reduced_ones_get_a_decode_of_their_own(
    run: Run,
    photos: Path,
    image_set: Callable[..., ImageSet],
    tiny_model: Path,
    shared_cache: Path,
    decoded: Counter[str],
) -> None:
    configs = resolve_models([str(tiny_model)], [32, 520], cache_dir=shared_cache).configs
    run(image_set(photos, [photos / "001.png"]), configs)
    assert decoded == {"001.png": 2}


def test_renamed_moved_and_doubled_files_cost_nothing(
    run: Run, photos: Path, image_set: Callable[..., ImageSet], decoded: Counter[str]
) -> None:
    first = run(image_set(photos))
    by_name = dict(zip(first.images.ids, matrices(first)[0], strict=True))
    decoded.clear()
    (photos / "sub").mkdir()
    (photos / "000.jpg").rename(photos / "sub" / "other name.jpg")
    shutil.copy(photos / "001.png", photos / "zz.png")
    second = run(image_set(photos))
    assert not decoded
    assert second.passes == 0
    assert second.device is None
    assert second.counts == Counts(embedded=0, cached=13)
    found = dict(zip(second.images.ids, matrices(second)[0], strict=True))
    np.testing.assert_array_equal(found["sub/other name.jpg"], by_name["000.jpg"])
    np.testing.assert_array_equal(found["zz.png"], by_name["001.png"])


def test_ten_new_images_cost_ten_passes(
    run: Run,
    photos: Path,
    image_set: Callable[..., ImageSet],
    cache: EmbeddingCache,
    tiny_configs: Configs,
    write_photos: Write,
) -> None:
    run(image_set(photos), tiny_configs[:1])
    write_photos(photos, range(100, 110))
    (plan,) = plan_embeddings(image_set(photos), tiny_configs[:1], cache)
    assert (plan.cached, plan.missing) == (12, 10)
    result = run(image_set(photos), tiny_configs[:1])
    assert result.passes == 10
    assert result.counts == result.counts_by_key[tiny_configs[0].key] == Counts(embedded=10, cached=12)


def test_configs_added_later_only_cost_themselves(
    run: Run, photos: Path, image_set: Callable[..., ImageSet], tiny_configs: Configs
) -> None:
    run(image_set(photos), tiny_configs[:2])
    result = run(image_set(photos), tiny_configs[:3])
    assert result.passes == 12
    assert [result.counts_by_key[config.key].embedded for config in tiny_configs[:3]] == [0, 0, 12]


def test_unreadable_files_shift_nobody(run: Run, photos: Path, image_set: Callable[..., ImageSet]) -> None:
    good = run(image_set(photos))
    expected = dict(zip(good.images.ids, matrices(good)[2], strict=True))
    (photos / "004.png").write_bytes((photos / "004.png").read_bytes()[:200])
    (photos / "006a.txt.png").write_text("not an image")
    images = image_set(photos, [*sorted(photos.iterdir()), photos / "gone.png"])
    for _ in range(2):  # a failure is not remembered: the second time is the same
        result = run(images)
        assert [skipped.path for skipped in result.skipped] == ["004.png", "006a.txt.png", "gone.png"]
        assert "not a JPEG" in result.skipped[1].reason
        assert "No such file" in result.skipped[2].reason
        assert result.counts.embedded + result.counts.cached + 3 == len(images)
        assert result.images.ids == tuple(name for name in images.ids if name in expected and name != "004.png")
        for name, vector in zip(result.images.ids, matrices(result)[2], strict=True):
            np.testing.assert_array_equal(vector, expected[name])


def test_nothing_usable_is_an_error_that_says_why(run: Run, tmp_path: Path, image_set: Callable[..., ImageSet]) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.png").write_text("not an image")
    with pytest.raises(RunnerError, match=r"none of the 1 images .* a\.png: is not a JPEG"):
        run(image_set(tmp_path / "bad"))


def test_images_are_upright_and_on_white(
    run: Run, tmp_path: Path, image_set: Callable[..., ImageSet], write_photos: Write
) -> None:
    folder = tmp_path / "same"
    folder.mkdir()
    picture = Image.open(write_photos(tmp_path / "source", range(1, 2))[0]).convert("RGB")
    picture.save(folder / "a.png")
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    picture.transpose(Image.Transpose.ROTATE_90).save(folder / "b.png", exif=exif)
    transparent = Image.new("RGBA", (picture.width, picture.height), (10, 200, 30, 0))
    transparent.save(folder / "c.png")
    Image.new("RGB", picture.size, "white").save(folder / "d.png")
    upright, rotated, on_white, white = matrices(run(image_set(folder)))[0]
    np.testing.assert_allclose(rotated, upright, atol=1e-6)
    np.testing.assert_allclose(on_white, white, atol=1e-6)


def test_damage_in_the_cache_is_computed_again(
    run: Run,
    photos: Path,
    image_set: Callable[..., ImageSet],
    cache: EmbeddingCache,
    tmp_path: Path,
    tiny_configs: Configs,
) -> None:
    expected = matrices(run(image_set(photos)))
    for number, file in enumerate(sorted(cache.cache_dir.rglob("vectors.lance/data/*.lance"))):
        content = bytearray(file.read_bytes())
        if number % 2:
            content[len(content) // 3] ^= 0x40
        else:
            del content[len(content) // 2 :]
        file.write_bytes(content)
    said: list[str] = []
    result = run(image_set(photos), out_dir=tmp_path / "fresh", say=said.append)
    assert result.passes >= 12 * 3
    for matrix, before in zip(matrices(result), expected, strict=True):
        np.testing.assert_allclose(matrix, before, atol=1e-6)
    assert run(image_set(photos), out_dir=tmp_path / "again").passes == 0


def test_force_computes_everything_again(
    run: Run, photos: Path, image_set: Callable[..., ImageSet], tiny_configs: Configs, cache: EmbeddingCache
) -> None:
    run(image_set(photos), tiny_configs[:1])
    wrong = np.ones((1, 16), np.float32)
    cache.append(tiny_configs[0], cache_hashes(cache, photos / "000.jpg"), wrong)
    result = run(image_set(photos), tiny_configs[:1], force=True)
    assert result.counts == Counts(embedded=12, cached=0)
    assert np.abs(matrices(result)[0][0] - 0.25).max() > 0.01  # the newest vector counts, and the matrix is a new one


def cache_hashes(cache: EmbeddingCache, *paths: Path) -> list[str]:
    from runner.images.content_hash import ContentHashes

    return [str(value) for value in ContentHashes(cache.cache_dir).hash_files(paths)]


def test_matrices_are_reused_and_replaced(
    run: Run,
    photos: Path,
    image_set: Callable[..., ImageSet],
    tmp_path: Path,
    tiny_configs: Configs,
    write_photos: Write,
) -> None:
    first = run(image_set(photos), tiny_configs[:1]).embeddings[0].vectors_path
    stamp = first.stat().st_mtime_ns
    assert run(image_set(photos), tiny_configs[:1]).embeddings[0].vectors_path.stat().st_mtime_ns == stamp
    write_photos(photos, range(20, 21))
    second = run(image_set(photos), tiny_configs[:1]).embeddings[0].vectors_path
    assert list((tmp_path / "out").glob("*.npy")) == [second] != [first]
    second.write_bytes(b"damaged")
    assert np.load(run(image_set(photos), tiny_configs[:1]).embeddings[0].vectors_path).shape == (13, 16)


def test_interrupting_loses_nothing_that_was_computed(
    run: Run, photos: Path, image_set: Callable[..., ImageSet], tiny_configs: Configs
) -> None:
    def interrupt(done: int, total: int) -> None:
        if done >= 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(image_set(photos), tiny_configs[:1], progress=interrupt)
    assert run(image_set(photos), tiny_configs[:1]).passes == 2


def test_progress_counts_every_pass_once(run: Run, photos: Path, image_set: Callable[..., ImageSet]) -> None:
    (photos / "000.jpg").write_text("not an image")
    seen: list[tuple[int, int]] = []
    run(image_set(photos), progress=lambda done, total: seen.append((done, total)))
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert seen[-1] == (72, 72)
    assert {total for _, total in seen} == {72}


def test_a_file_that_changes_meanwhile_is_not_stored_under_its_old_hash(
    run: Run, photos: Path, image_set: Callable[..., ImageSet], monkeypatch: pytest.MonkeyPatch
) -> None:
    def changing(path: Path, **options: object) -> Image.Image:
        if path.name == "002.png":
            shutil.copyfile(photos / "003.jpg", path)
        return decode_image(path, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(image_reader, "decode_image", changing)
    (skipped,) = run(image_set(photos)).skipped
    assert (skipped.path, skipped.reason) == ("002.png", "changed while it was being read")


def test_images_without_a_usable_vector_are_skipped(
    run: Run, photos: Path, image_set: Callable[..., ImageSet], tmp_path: Path, shared_cache: Path, tiny_model: Path
) -> None:
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "overflowing"
    shutil.copytree(tiny_model, folder)
    weights = load_file(folder / "open_clip_model.safetensors")
    weights["visual.proj"] *= float("nan")
    save_file(weights, folder / "open_clip_model.safetensors")
    configs = resolve_models([str(folder)], cache_dir=shared_cache).configs
    with pytest.raises(RunnerError, match="no usable vector"):
        run(image_set(photos), configs)


def test_a_cached_run_loads_neither_torch_nor_a_model(
    run: Run, photos: Path, image_set: Callable[..., ImageSet], cache: EmbeddingCache, tiny_model: Path, tmp_path: Path
) -> None:
    (photos / "bad.png").write_text("not an image")  # is tried again each time, which takes no model either
    expected = matrices(run(image_set(photos)))
    code = (
        "import sys; from pathlib import Path; import numpy as np\n"
        "from runner.embed.cache.embedding_cache import EmbeddingCache; from runner.embed.embedding_config import Fit\n"
        "from runner.embed.resolve_models import resolve_models; from runner.embed.pipeline import embed_images\n"
        "from runner.images.image_set import ImageSet\n"
        "cache, model, photos, out = map(Path, sys.argv[1:])\n"
        "paths = sorted(photos.iterdir())\n"
        "configs = resolve_models([str(model)], [32, 48], list(Fit), cache_dir=cache).configs\n"
        "images = ImageSet(tuple(path.name for path in paths), tuple(paths))\n"
        "run = embed_images(images, configs, cache=EmbeddingCache(cache), out_dir=out)\n"
        "assert run.passes == 0 and len(run.skipped) == 1\n"
        "heavy = {'torch', 'timm', 'open_clip', 'torchvision'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    fresh = tmp_path / "fresh"
    arguments = [str(path) for path in (cache.cache_dir, tiny_model, photos, fresh)]
    subprocess.run([sys.executable, "-c", code, *arguments], check=True)
    for embedding, matrix in zip(sorted(fresh.glob("*.npy")), sorted(tmp_path.glob("out/*.npy")), strict=True):
        np.testing.assert_array_equal(np.load(embedding), np.load(matrix))
    assert len(expected) == 6
