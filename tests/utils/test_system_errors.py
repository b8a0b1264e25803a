"""What the system says of files, in words."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from runner.utils.system_errors import reason_and_remedy, system_error_in


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_drive_is_told_with_its_room_and_what_goes_elsewhere(number: int, tmp_path: Path) -> None:
    said = reason_and_remedy(OSError(number, os.strerror(number), str(tmp_path / "not" / "there.npy")))
    assert said.startswith(f"{os.strerror(number)}; ") and f" MiB are free in {tmp_path};" in said
    assert all(word in said for word in ("make room", "--out", "--cache-dir", "TMPDIR"))


def test_a_full_drive_of_no_known_file_is_told_by_the_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert f"MiB are free in {tmp_path}" in reason_and_remedy(OSError(errno.ENOSPC, "No space left on device"))


@pytest.mark.parametrize(
    ("number", "remedy"),
    [(errno.EIO, "the same command resumes"), (errno.ESTALE, "the same command resumes"), (errno.EBUSY, "close the")],
)
def test_drives_that_are_gone_and_files_in_use_have_their_remedy(number: int, remedy: str) -> None:
    assert remedy in reason_and_remedy(OSError(number, os.strerror(number)))


def test_whatever_else_is_told_as_it_is() -> None:
    assert reason_and_remedy(OSError(errno.EROFS, "Read-only file system", "/mnt/a")) == "Read-only file system"


def test_the_system_is_found_in_what_a_library_says(tmp_path: Path) -> None:
    refused = system_error_in("LanceError(IO): No space left on device (os error 28), /rust/object_store:12", tmp_path)
    assert refused is not None and (refused.errno, refused.filename) == (errno.ENOSPC, str(tmp_path))
    assert "MiB are free in" in reason_and_remedy(refused)
    assert system_error_in("its columns are ['a'] (error 28)", tmp_path) is None
