"""Files that are decoded to other pixels than before get another hash, all others keep theirs."""

from __future__ import annotations

import errno
import hashlib
import os
import sqlite3
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from runner.images import content_hash, decoder_revision, open_image
from runner.images.content_hash import ContentHashes

PHOTO = np.random.default_rng(0).integers(0, 256, (12, 16, 3)).astype(np.uint8)


def plain_hash(path: Path) -> str:
    return hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()


@pytest.fixture
def files(tmp_path: Path, png: Callable[..., bytes]) -> tuple[list[Path], list[Path]]:
    """Files whose pixels were always these, and files whose pixels changed; all settled on the disk."""
    unchanged = [
        tmp_path / name for name in ("a.jpg", "b.png", "c.gif", "d.webp", "e.tif", "f.bmp", "alpha.png", "text.txt")
    ]
    for path in unchanged[:-2]:
        Image.fromarray(PHOTO).save(path)
    Image.fromarray(PHOTO).convert("RGBA").save(unchanged[-2])
    unchanged[-1].write_bytes(b"no image")
    deep = tmp_path / "deep.tif"
    Image.fromarray(PHOTO[..., 0].astype(np.uint16) * 257).save(deep)
    unchanged.append(deep)
    changed = [
        tmp_path / name for name in ("key.png", "deep.png", "separate.tif", "white_is_zero.tif", "thumbnail.tif")
    ]
    changed[0].write_bytes(png(2, 1, 4, 0, zlib.compress(b"\0\x12"), tRNS=b"\0\1"))
    changed[1].write_bytes(png(1, 1, 16, 2, zlib.compress(bytes(7))))
    tifffile.imwrite(
        changed[2], np.moveaxis(PHOTO, -1, 0).astype(np.uint16), photometric="rgb", planarconfig="separate"
    )
    tifffile.imwrite(changed[3], PHOTO[..., 0].astype(np.uint16), photometric="miniswhite")
    with tifffile.TiffWriter(changed[4]) as file:
        file.write(PHOTO[:4], subfiletype=1, photometric="rgb")
        file.write(PHOTO, photometric="rgb")
    settled = time.time_ns() - 60 * 10**9
    for path in (*unchanged, *changed):
        os.utime(path, ns=(settled, settled))
    return unchanged, changed


def test_only_what_is_decoded_otherwise_gets_another_hash(tmp_path: Path, files: tuple[list[Path], list[Path]]) -> None:
    unchanged, changed = files
    hashes = ContentHashes(tmp_path / "cache")
    assert hashes.hash_files(unchanged) == [plain_hash(path) for path in unchanged]
    for path, found in zip(changed, hashes.hash_files(changed), strict=True):
        assert found != plain_hash(path), path.name
        assert isinstance(found, str)
        assert len(found) == 32
    assert len(set(hashes.hash_files(changed))) == len(changed)


def test_entries_of_an_older_table_are_looked_at_once_by_header(
    tmp_path: Path, files: tuple[list[Path], list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [*files[0], *files[1]]
    fresh = ContentHashes(tmp_path / "fresh").hash_files(paths)
    ContentHashes(tmp_path / "old").hash_files(paths)
    with sqlite3.connect(tmp_path / "old" / "stat_table.sqlite") as connection:
        connection.execute("DROP TABLE revisions")  # as the version before them left it
        assert [stored.split()[0] for (stored,) in connection.execute("SELECT hash FROM files ORDER BY path")] == [
            plain_hash(path) for path in sorted(paths)
        ]
    connection.close()

    def not_again(path: Path) -> None:
        raise AssertionError(f"{path} is read as a whole")

    looked_at: list[Path] = []
    revision_of = decoder_revision.revision_of
    monkeypatch.setattr(content_hash, "_hash", not_again)
    monkeypatch.setattr(decoder_revision, "revision_of", lambda path: looked_at.append(path) or revision_of(path))
    assert ContentHashes(tmp_path / "old").hash_files(paths) == fresh
    assert sorted(looked_at) == sorted(paths)
    looked_at.clear()
    assert ContentHashes(tmp_path / "old").hash_files(paths) == fresh
    assert looked_at == []


def test_a_later_revision_looks_again(
    tmp_path: Path, files: tuple[list[Path], list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = files[0][0]
    hashes = ContentHashes(tmp_path / "cache")
    assert hashes.hash_files([photo]) == [plain_hash(photo)]
    monkeypatch.setattr(decoder_revision, "CURRENT", decoder_revision.CURRENT + 1)
    monkeypatch.setattr(decoder_revision, "revision_of", lambda path: 2)
    assert hashes.hash_files([photo]) == [decoder_revision.revised(plain_hash(photo), 2)]


@pytest.mark.parametrize(
    ("suffix", "size", "revision"),
    [
        ("jpg", (20_000, 3_025), 0),
        ("jpg", (20_000, 3_026), 1),  # above 60.5 megapixels they are reduced in any case
        ("webp", (10_000, 3_001), 1),  # above 30 they are reduced by libwebp itself
        ("png", (10_000, 6_050), 0),
        ("png", (10_000, 6_051), 1),
        ("bmp", (10_000, 6_050), 0),
        ("gif", (10_000, 6_050), 0),
        ("tif", (10_000, 5_000), 0),
        ("tif", (10_000, 5_001), 1),  # above 50 they are read by another library
    ],
)
def test_what_is_reduced_otherwise_for_its_size_is_of_another_revision(
    tmp_path: Path, suffix: str, size: tuple[int, int], revision: int
) -> None:
    path = tmp_path / f"large.{suffix}"
    quickly = {"png": {"compress_level": 1}, "webp": {"method": 0}}
    Image.new("L", size).save(path, **quickly.get(suffix, {}))
    assert decoder_revision.revision_of(path) == revision


def test_what_is_damaged_is_of_no_revision(tmp_path: Path) -> None:
    path = tmp_path / "big.tif"
    tifffile.imwrite(path, PHOTO, photometric="rgb", bigtiff=True)
    data = bytearray(path.read_bytes())
    data[8:16] = (2**63 + 8).to_bytes(8, "little")  # to where no system lets a file be read
    path.write_bytes(data)
    assert decoder_revision.revision_of(path) == 0
    with pytest.raises(open_image.UnreadableImageError, match=r"refers to byte 9,\S+, which is beyond its end"):
        open_image.image_size(path)


def test_a_disk_that_fails_says_nothing_of_the_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "photo.png"
    Image.fromarray(PHOTO).save(path)

    def fail(file: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(open_image, "exif_sources", fail)
    with pytest.raises(OSError, match="Input/output error"):
        decoder_revision.revision_of(path)


def test_a_revision_that_a_disk_changed_is_looked_at_again(
    tmp_path: Path, files: tuple[list[Path], list[Path]]
) -> None:
    photo = files[1][0]
    before = ContentHashes(tmp_path / "cache").hash_files([photo])
    with sqlite3.connect(tmp_path / "cache" / "stat_table.sqlite") as connection:
        connection.execute("UPDATE revisions SET revision = replace(revision, '1 ', '0 ')")
    connection.close()
    assert ContentHashes(tmp_path / "cache").hash_files([photo]) == before
