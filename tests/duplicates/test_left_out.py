"""No file is left out without a word, in the lines on the terminal and in the results."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from runner.cli import main


def test_what_is_left_out_is_said_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    for number in range(6):
        Image.new("RGB", (40, 30), (number * 40, 9, 90)).save(photos / f"{number}.png")
    for number in range(20):
        (photos / f"layers_{number:02d}.PSD").write_bytes(b"8BPS\0\1" + bytes([number]) * 60)
    for name in ("notes.txt", "more.txt", "film.mp4"):
        (photos / name).write_bytes(b"x")
    command = ["duplicates", "--images", str(photos), "--method", "exact", "--out", str(out)]
    assert main([*command, "--cache-dir", str(tmp_path / "cache")]) == 0
    said = capsys.readouterr().out
    assert "6 from" in said and "20 skipped" in said
    assert "layers_00.PSD: is a Photoshop picture" in said
    assert "3 files are no pictures: 2 .txt, 1 .mp4" in said
    written = json.loads((out / "groups.json").read_text())
    assert [one["path"] for one in written["skipped"]] == [f"layers_{number:02d}.PSD" for number in range(20)]
    assert written["unread_kinds"] == {".mp4": 1, ".txt": 2}
