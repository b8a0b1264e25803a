"""``runner cache`` deletes only what it was told to."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.cli import main


@pytest.mark.parametrize("days", ["-1", "nan", "inf", "some"])
def test_ages_that_are_none_are_refused(days: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["cache", "prune", "--older-than", days, "--cache-dir", str(tmp_path)])
    assert ended.value.code == 2
    assert f"got {days}" in capsys.readouterr().err
