"""Random trees of files, links, hard links and circles, against an independent walk that asks ``os.stat`` alone."""

# ruff: noqa: PTH114, PTH116, PTH118, PTH121, PTH208

from __future__ import annotations

import os
import random
import stat
from collections import defaultdict
from pathlib import Path

import pytest

from runner.images.folder import scan_folder

SEEDS = range(60)


def build(place: Path, seed: int) -> Path:
    """A root with files, and a folder beside it; then links of every kind, most of them to what is there already."""
    generator = random.Random(seed)
    root, outside = place / "root", place / "outside"
    folders = [root, outside]
    for number in range(generator.randint(1, 6)):
        folders.append(generator.choice(folders) / f"d{number}")
    for folder in folders:
        folder.mkdir(parents=True)
    files = []
    for number in range(generator.randint(2, 8)):
        files.append(generator.choice(folders) / f"f{number}.jpg")
        files[-1].write_bytes(bytes([number]))
    (root / "always.jpg").write_bytes(b"x")
    made: list[Path] = [*files, *folders]
    for number in range(generator.randint(0, 10)):
        kind, where = generator.choice(["file", "folder", "hard", "dangling"]), generator.choice(folders)
        link = where / (f"l{number}" if kind == "folder" else f"l{number}.jpg")
        if kind == "hard":
            link.hardlink_to(generator.choice(files))
        elif kind == "dangling":
            link.symlink_to(generator.choice([Path("nowhere.jpg"), link]))
        else:
            target = generator.choice(made if kind == "file" else folders)
            link.symlink_to(target if generator.random() < 0.5 else os.path.relpath(target, where))
        made.append(link)
    return root


def expected(root: Path, follow_links: bool) -> dict[str, tuple[int, int]]:
    """Device and inode of every image by its name, as a recursion over ``os.listdir`` and ``os.stat`` finds them."""
    found: dict[str, tuple[int, int]] = {}

    def visit(folder: str, above: frozenset[tuple[int, int]]) -> None:
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            try:
                status = os.stat(path)
            except OSError:
                continue
            identity = status.st_dev, status.st_ino
            if stat.S_ISREG(status.st_mode):
                found[os.path.relpath(path, root)] = identity
            elif identity not in above and (follow_links or not os.path.islink(path)):
                visit(path, above | {identity})

    status = os.stat(root)
    visit(str(root), frozenset({(status.st_dev, status.st_ino)}))
    return found


@pytest.mark.parametrize("follow_links", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_scan_finds_what_a_plain_walk_finds(seed: int, follow_links: bool, tmp_path: Path) -> None:
    root = build(tmp_path, seed)
    want = expected(root, follow_links)
    images = scan_folder(root, follow_links=follow_links).images
    assert set(images.names) == set(want)
    groups = defaultdict(set)
    for name, identity in want.items():
        groups[identity].add(name)
    assert {frozenset(images.names_of(row)) for row in range(len(images))} == set(map(frozenset, groups.values()))
    for name, path in zip(images.names, images.name_paths, strict=True):
        assert path == root.resolve() / name
        assert os.path.samefile(path, root / name)
