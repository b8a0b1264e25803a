"""A real exFAT volume: no links of either kind, and names that differ by case only are one name."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.cli import main
from tests.export.finished_results import write_finished
from tests.faults.world import PATIENCE, World, differences, make_images
from tests.needs import unavailable

TOOLS = ("losetup", "mkfs.exfat", "mount.exfat-fuse", "umount")
SIZE = 96 * 2**20
NAMES = ["a/x.png", "a/X.png", "A/x.png", "a/y.PNG", "a/y.png", "b/x.png", "B/X.png", "c/z.png"]


def run(*command: object) -> str:
    return subprocess.run([*map(str, command)], check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def exfat(tmp_path: Path) -> Iterator[Path]:
    """Where the volume is mounted."""
    if missing := [tool for tool in TOOLS if shutil.which(tool) is None]:
        unavailable(f"{missing[0]} is missing; install exfat-fuse and exfatprogs")
    image, folder = tmp_path / "volume", tmp_path / "mounted"
    folder.mkdir()
    with image.open("wb") as file:
        file.truncate(SIZE)
    try:
        device = run("losetup", "--find", "--show", image)
    except subprocess.CalledProcessError:
        pytest.skip("only root may mount a volume, and not in every container")
    try:
        run("mkfs.exfat", device)
        try:
            run("mount.exfat-fuse", device, folder)
        except subprocess.CalledProcessError:
            pytest.skip("there is no FUSE here")
        try:
            yield folder
        finally:
            run("umount", "--lazy", folder)
    finally:
        run("losetup", "--detach", device)


def content(folder: Path) -> dict[str, str]:
    """A digest of each file below ``folder``, by relative path."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.check
def test_no_name_is_overwritten_by_one_of_another_case(exfat: Path, tmp_path: Path) -> None:
    results = write_finished(tmp_path, NAMES)
    before = content(tmp_path / "images")
    assert main(["export", str(results), "--to", str(exfat / "copied"), "--how", "copy"]) == 0
    copied = content(exfat / "copied")
    assert set(before.values()) <= set(copied.values())
    assert len({name.casefold() for name in copied}) == len(copied)
    assert main(["export", str(results), "--to", str(exfat / "moved"), "--how", "move"]) == 0
    assert not content(tmp_path / "images")
    assert main(["undo", str(exfat / "moved")]) == 0
    assert content(tmp_path / "images") == before


@pytest.mark.check
@pytest.mark.timeout(2 * PATIENCE)
def test_an_experiment_is_as_on_any_other_drive(exfat: Path, tmp_path: Path) -> None:
    make_images(tmp_path / "images")
    expected, world = World(tmp_path / "expected", tmp_path / "images"), World(exfat / "world", tmp_path / "images")
    assert expected.run() == 0, expected.output()
    assert world.run() == 0, world.output()
    assert not list(differences(expected.snapshot(), world.snapshot()))
    assert not world.temporary_files() and not world.processes_left()
