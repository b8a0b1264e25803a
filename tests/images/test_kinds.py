"""Kinds of files by their first bytes; truth: what Pillow writes, and bytes from the formats' specifications."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from runner.images.kinds import HEAD_SIZE, KIND_BY_ENDING, OTHER_ENDINGS, Kind, ending_of, kind_of, read_head

WRITTEN_BY_PILLOW = {
    "JPEG": Kind.JPEG,
    "MPO": Kind.JPEG,
    "PNG": Kind.PNG,
    "GIF": Kind.GIF,
    "BMP": Kind.BMP,
    "TIFF": Kind.TIFF,
    "WEBP": Kind.WEBP,
    "JPEG2000": Kind.JPEG_2000,
    "ICO": Kind.ICON,
    "PPM": Kind.NETPBM,
    "DDS": Kind.DDS,
    **({"AVIF": Kind.AVIF} if features.check("avif") else {}),
}


def box(major: bytes, *compatible: bytes) -> bytes:
    brands = b"".join(compatible)
    return (16 + len(brands)).to_bytes(4, "big") + b"ftyp" + major + bytes(4) + brands + b"\0\0\0\x08free"


BY_SPECIFICATION = {
    "big TIFF": (b"II\x2b\0\x08\0\0\0" + bytes(56), Kind.TIFF),
    "HEIC": (box(b"heic", b"mif1", b"heic"), Kind.HEIF),
    "HEIF whose own brand is general": (box(b"mif1", b"mif1", b"heic"), Kind.HEIF),
    "AVIF whose own brand is general": (box(b"mif1", b"mif1", b"avif", b"miaf"), Kind.AVIF),
    "sequence of HEIF": (box(b"msf1", b"hevc"), Kind.HEIF),
    "MP4": (box(b"isom", b"isom", b"mp41"), Kind.VIDEO),
    "QuickTime": (box(b"qt  ", b"qt  "), Kind.VIDEO),
    "JPEG XL stream": (b"\xff\x0a\xfa\x7f", Kind.JPEG_XL),
    "JPEG XL container": (b"\0\0\0\x0cJXL \r\n\x87\n" + box(b"jxl ", b"jxl "), Kind.JPEG_XL),
    "Canon CR2": (b"II*\0\x10\0\0\0CR\x02\0", Kind.RAW),
    "Canon CR3": (box(b"crx ", b"crx ", b"isom"), Kind.RAW),
    "Fujifilm": (b"FUJIFILMCCD-RAW 0201", Kind.RAW),
    "Olympus": (b"IIRO\x08\0\0\0", Kind.RAW),
    "Panasonic": (b"IIU\0\x18\0\0\0", Kind.RAW),
    "Photoshop": (b"8BPS\0\x01", Kind.PSD),
    "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg">', Kind.SVG),
    "PDF": (b"%PDF-1.7\n", Kind.PDF),
    "AVI": (b"RIFF\0\0\0\0AVI LIST", Kind.VIDEO),
    "OS/2 bitmap": (b"BM" + bytes(12) + (12).to_bytes(4, "little") + bytes(8), Kind.BMP),
}

NO_KIND = {
    "nothing": b"",
    "one byte": b"\xff",
    "text that begins like a bitmap": b"BMW and other makers of cars, in no particular order",
    "text that begins like a Netpbm": b"P1 is the first paragraph",
    "JSON": json.dumps({"a": 1}).encode(),
    "zeros": bytes(HEAD_SIZE),
    "a table of numbers": np.arange(16, dtype="<f4").tobytes(),
}


@pytest.mark.parametrize("name", WRITTEN_BY_PILLOW)
def test_what_pillow_writes(name: str, tmp_path: Path) -> None:
    file = tmp_path / "picture"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)).save(file, name)
    assert kind_of(read_head(file), file.name) is WRITTEN_BY_PILLOW[name]


@pytest.mark.parametrize("what", BY_SPECIFICATION)
def test_what_specifications_say(what: str) -> None:
    head, kind = BY_SPECIFICATION[what]
    assert kind_of(head[:HEAD_SIZE], "file") is kind


@pytest.mark.parametrize("what", NO_KIND)
def test_what_is_no_known_kind(what: str) -> None:
    assert kind_of(NO_KIND[what][:HEAD_SIZE], "file") is None


def test_archives_are_no_pictures() -> None:
    zipped, packed = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("a.jpg", b"x")
    with tarfile.open(fileobj=packed, mode="w:gz"):
        pass
    for written in (zipped, packed):
        kind = kind_of(written.getvalue()[:HEAD_SIZE])
        assert kind is Kind.ARCHIVE and not kind.is_picture


@pytest.mark.parametrize("ending", [".NEF", ".arw", ".dng"])
def test_raw_photographs_are_told_from_scans_by_their_ending(ending: str) -> None:
    assert kind_of(b"II*\0\x08\0\0\0", f"DSC_0001{ending}") is Kind.RAW
    assert kind_of(b"II*\0\x08\0\0\0", "DSC_0001") is Kind.TIFF


def test_content_comes_before_the_ending() -> None:
    assert kind_of(b"\xff\xd8\xff\xe0", "DSC_0001.nef") is Kind.JPEG
    assert kind_of(b"\xff\xd8\xff\xe0", "drawing.svg") is Kind.JPEG


def test_formats_without_a_signature_go_by_their_ending() -> None:
    assert kind_of(bytes(18), "sprite.TGA") is Kind.TGA
    assert kind_of(b"<?xml version='1.0'?>", "drawing.svg") is Kind.SVG
    assert kind_of(b"", "drawing.svg") is None


def test_endings() -> None:
    assert ending_of("a.b/C.JPeG") == ".jpeg"
    assert ending_of("jpg") == ""
    assert KIND_BY_ENDING[".heic"] is Kind.HEIF
    assert not OTHER_ENDINGS & KIND_BY_ENDING.keys()
    assert all(ending == ending.lower() and ending.startswith(".") for ending in (*OTHER_ENDINGS, *KIND_BY_ENDING))


def test_a_short_file_has_a_short_head(tmp_path: Path) -> None:
    (tmp_path / "short").write_bytes(b"abc")
    (tmp_path / "long").write_bytes(bytes(1000))
    assert read_head(tmp_path / "short") == b"abc"
    assert len(read_head(tmp_path / "long")) == HEAD_SIZE
