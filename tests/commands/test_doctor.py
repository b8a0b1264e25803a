"""``runner doctor`` on this machine and on one that lacks what is needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.cli import main


def test_says_what_works(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--cache-dir", str(tmp_path / "cache")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines][:5] == ["imagesweep", "packages", "device", "cache", "disk"]
    assert not any(line.startswith("BAD") for line in lines)


def test_a_cache_that_cannot_be_written_is_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("in the way")
    assert main(["doctor", "--cache-dir", str(tmp_path / "file")]) == 1
    printed = capsys.readouterr()
    assert "BAD  cache" in printed.out
    assert "choose another --cache-dir" in printed.out
    assert "mended: cache" in printed.err
