"""What one file may take: peak memory and time of real decodes in a process of their own. About 20 s in all."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from runner.images import limits
from runner.images.decode import UnreadableImageError, decode_image

MEASURED = """
import resource, sys, numpy
from runner.images.decode import UnreadableImageError, decode_image
from runner.images.vips import warnings_collected
with warnings_collected(): pass
before = resource.getrusage(resource.RUSAGE_SELF)
try: print(*decode_image(sys.argv[1], at_least=int(sys.argv[2]) or None).size)
except UnreadableImageError as error: print(error)
after = resource.getrusage(resource.RUSAGE_SELF)
print((after.ru_maxrss - before.ru_maxrss) / 1024, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
"""
"""Prints the size of the decoded image or why there is none; then MiB above the process and seconds of processor."""


def measured(path: Path, at_least: int) -> str:
    """What came of decoding a file, which must have stayed within the limits."""
    command = [sys.executable, "-c", MEASURED, str(path), str(at_least)]
    result = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
    outcome, figures = result.stdout.strip().splitlines()
    megabytes, seconds = map(float, figures.split())
    assert megabytes <= 512
    assert seconds <= 10
    return outcome


def rows_of_zeros(row: int, height: int) -> bytes:
    compressor = zlib.compressobj(9)
    return b"".join(compressor.compress(bytes(row)) for _ in range(height)) + compressor.flush()


@pytest.mark.parametrize("at_least", [0, 336])
def test_a_small_file_of_many_pixels(save: Callable[..., Path], png: Callable[..., bytes], at_least: int) -> None:
    content = png(5_242_925, 67, 1, 0, rows_of_zeros(1 + -(-5_242_925 // 8), 67))
    path = save("wide.png", content)
    assert path.stat().st_size < 50_000
    assert "MiB to decode, over the limit of 512; use a smaller copy" in measured(path, at_least)


def test_a_palette_takes_what_its_colours_take(save: Callable[..., Path], png: Callable[..., bytes]) -> None:
    width, height = 3_080_215, 17
    rows = rows_of_zeros(1 + -(-width // 2), height)
    path = save("wide.png", png(width, height, 4, 3, rows, PLTE=bytes(9), tRNS=b"\xff\0"))
    assert "MiB to decode, over the limit of 512; use a smaller copy" in measured(path, 1)


def test_many_rows_take_time_however_short_they_are(save: Callable[..., Path], png: Callable[..., bytes]) -> None:
    path = save("tall.png", png(3, 1 << 24, 1, 0, rows_of_zeros(2, 17)))
    with pytest.raises(UnreadableImageError, match=r"3 × 16777216 pixels as PNG would take about \d+ s to decode"):
        decode_image(path)


def test_rows_take_memory_however_short_they_are(save: Callable[..., Path]) -> None:
    content = bytearray(save("tall.bmp", Image.new("L", (1, 17))).read_bytes())
    content[22:26] = struct.pack("<i", 200_000_000)
    assert "MiB to decode, over the limit of 512; use a smaller copy" in measured(save("tall.bmp", bytes(content)), 1)


def test_run_lengths_for_a_decoder_in_python(save: Callable[..., Path]) -> None:
    side, palette, runs = 4000, bytes(1024), bytes((255, 7)) * 10 + b"\0\1"
    start = 14 + 40 + len(palette)
    header = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 8, 1, len(runs), 0, 0, 256, 0)
    file_header = b"BM" + struct.pack("<IHHI", start + len(runs), 0, 0, start)
    path = save("runs.bmp", file_header + header + palette + runs)
    assert "s to decode, over the limit of 10" in measured(path, 336)


@pytest.mark.parametrize("at_least", [0, 336])
@pytest.mark.check  # half a minute
@pytest.mark.parametrize("name", ["large.png", "large.jpg"])
def test_large_pictures_are_reduced(save: Callable[..., Path], name: str, at_least: int) -> None:
    small = Image.fromarray(np.random.default_rng(0).integers(0, 256, (6, 8, 3)).astype(np.uint8))
    large = small.resize((12_000, 9_000), Image.Resampling.NEAREST)
    options = {"compress_level": 1} if name.endswith("png") else {"quality": 60}
    width, height = map(int, measured(save(name, large, **options), at_least).split())
    assert width * height <= limits.FULL_PIXELS
    assert min(width, height) >= 2 * at_least


def test_threads_together_take_no_more_than_one(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = limits._Gate(10)
    used, most, lock = 0, 0, threading.Lock()

    def use(amount: int) -> None:
        nonlocal used, most
        for _ in range(200):
            with gate.reserved(amount):
                with lock:
                    used += min(amount, 10)
                    most = max(most, used)
                with lock:
                    used -= min(amount, 10)

    threads = [threading.Thread(target=use, args=(amount,)) for amount in (1, 3, 4, 6, 10, 99)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most <= 10
    assert gate._used == 0


@pytest.mark.filterwarnings("error")
def test_170_megapixels_are_decoded_without_a_warning(save: Callable[..., Path], png: Callable[..., bytes]) -> None:
    row = b"\0" + bytes(6_500) + b"\xff" * 6_500
    compressor = zlib.compressobj(1)
    rows = b"".join(compressor.compress(row) for _ in range(13_000)) + compressor.flush()
    image = decode_image(save("scan.png", png(13_000, 13_000, 8, 0, rows)), at_least=224)
    assert image.info["source_size"] == (13_000, 13_000)
    shown = np.asarray(image)
    assert shown[:, : image.width // 2 - 1].max() <= 1
    assert shown[:, image.width // 2 + 1 :].min() >= 254


def test_interlaced_rows_that_have_to_be_held_count(save: Callable[..., Path], png: Callable[..., bytes]) -> None:
    content = bytearray(png(20_000, 20_000, 8, 2, b""))
    content[28] = 1  # interlaced
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    with pytest.raises(UnreadableImageError, match=r"20000 × 20000 pixels as PNG would take [\d,]+ MiB"):
        decode_image(save("passes.png", bytes(content)))
