"""Damage done to files on the disk, behind the back of whoever wrote them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random


def truncate(path: Path, size: int) -> None:
    """Leave the first ``size`` bytes of a file."""
    with path.open("r+b") as file:
        file.truncate(size)


def flip(path: Path, place: int, bits: int = 0xFF) -> None:
    """Invert ``bits`` of the byte at ``place``; the file keeps its size."""
    with path.open("r+b") as file:
        file.seek(place)
        (old,) = file.read(1)
        file.seek(place)
        file.write(bytes([old ^ bits]))


def empty(path: Path, random: Random) -> None:
    truncate(path, 0)


def halve(path: Path, random: Random) -> None:
    truncate(path, path.stat().st_size // 2)


def cut_last(path: Path, random: Random) -> None:
    truncate(path, path.stat().st_size - 1)


def flip_some(path: Path, random: Random) -> None:
    """Change one to three bytes, at any place."""
    size = path.stat().st_size
    for place in random.sample(range(size), min(size, random.randint(1, 3))):
        flip(path, place, random.randrange(1, 256))


DAMAGES: dict[str, Callable[[Path, Random], None]] = {
    "emptied": empty,
    "halved": halve,
    "one byte short": cut_last,
    "flipped": flip_some,
}
"""Ways in which a disk damages a file that is not empty, by the name of what it is then."""


def files_below(*folders: Path) -> list[Path]:
    """Every file below the folders that has bytes to damage; of several names of one file the first."""
    found: dict[tuple[int, int], Path] = {}
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink() and path.stat().st_size:
                found.setdefault((path.stat().st_dev, path.stat().st_ino), path)
    return list(found.values())


def damage_all(paths: Iterable[Path], how: str, seed: int) -> None:
    """Damage every one of the files, the same way whenever the seed is the same."""
    for path in paths:
        DAMAGES[how](path, Random(f"{seed} {path.name}"))
