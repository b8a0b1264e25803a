"""A geometry whose files were damaged is made anew, with the same arrays, and nothing more than is needed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from runner.cluster.geometry import Geometry, build_geometry
from runner.cluster.geometry_files import DISTANCES, INDICES, MARKER, TREE, VECTORS, discard_damaged, save_array
from runner.cluster.spaces import Space
from runner.utils.checked_files import checksum_path
from tests.cluster.vectors import clustered_vectors, unit
from tests.faults.damage import DAMAGES, damage_all, files_below

MIN_SAMPLES = 5


@pytest.fixture
def matrix(tmp_path: Path) -> Path:
    path = tmp_path / "matrix.npy"
    save_array(path, unit(clustered_vectors(120, 8, seed=1)).astype(np.float32))
    return path


def build(matrix: Path, folder: str = "none-0") -> Geometry:
    directory = matrix.parent / folder
    return build_geometry(directory, Space.parse("none"), matrix, base=None, min_samples=MIN_SAMPLES, seed=0)


def fill(geometry: Geometry) -> dict[str, np.ndarray]:
    """Everything that a geometry can hold."""
    merges = geometry.merges(1)
    prepared = geometry.prepared("agglomerative-ward", lambda: np.vstack([merges, np.zeros((1, 4))]))
    return {
        "vectors": np.array(geometry.vectors),
        "indices": np.array(geometry.neighbors.indices),
        "distances": np.array(geometry.neighbors.distances),
        "one": geometry.tree(1).weights,
        "edges": geometry.tree(3).edges,
        "weights": geometry.tree(3).weights,
        "merges": np.array(geometry.merges(3)),
        "prepared": np.array(prepared),
    }


def same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    return all(np.array_equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("how", DAMAGES)
def test_any_damaged_file_is_made_anew(how: str, matrix: Path) -> None:
    expected = fill(build(matrix))
    original = matrix.read_bytes()
    for path in files_below(matrix.parent / "none-0"):
        damage_all([path], how, seed=len(how))
        if matrix.read_bytes() != original:  # one file under two names: whoever owns the matrix makes that anew
            save_array(matrix, expected["vectors"])
        assert same(fill(build(matrix)), expected), path.name


def test_what_is_sound_is_kept(matrix: Path) -> None:
    fill(build(matrix))
    folder = matrix.parent / "none-0"
    before = {path: path.stat().st_ino for path in folder.iterdir()}
    checksum_path(folder / VECTORS).write_bytes(b"")
    build(matrix)
    changed = {path.name for path, inode in before.items() if not path.exists() or path.stat().st_ino != inode}
    assert changed <= {VECTORS, checksum_path(folder / VECTORS).name}
    assert same(fill(build(matrix)), fill(build(matrix, "fresh")))


def test_files_of_an_earlier_version_are_believed_and_given_checksums(matrix: Path) -> None:
    expected = fill(build(matrix))
    folder = matrix.parent / "none-0"
    for path in files_below(folder):
        if path.name.endswith(".checksum"):
            path.unlink()
    before = {path: path.stat().st_ino for path in files_below(folder)}
    assert same(fill(build(matrix)), expected)
    assert {path: path.stat().st_ino for path in before} == before
    assert all(checksum_path(path).is_file() for path in before if path.suffix in (".npy", ".npz", ".json"))


def _wrong(folder: Path) -> dict[str, object]:
    """For each file, changes that leave it readable and that something else gives away."""
    indices, distances = np.load(folder / INDICES), np.load(folder / DISTANCES)
    tree, merges = dict(np.load(folder / TREE)), np.load(folder / "merges-3.npy")
    itself, outside, swapped = indices.copy(), indices.copy(), indices.copy()
    itself[4, 0], outside[4, 0] = 4, len(indices)
    swapped[4, 0] = next(row for row in range(len(indices)) if row != 4 and row not in indices[4])
    longer, unsorted = distances.copy(), distances[:, ::-1]
    longer[7, 2] *= 1.01
    circle, light, infinite = (tree["edges"].copy(), tree["weights"].copy(), tree["weights"].copy())
    circle[0] = circle[1]
    light[:] = 0
    infinite[-1] = np.inf
    twice = merges.copy()
    twice[-1, 0] = twice[-2, 0]
    return {
        **{f"{INDICES} {number}": array for number, array in enumerate((itself, outside, swapped, indices.T))},
        **{f"{DISTANCES} {number}": array for number, array in enumerate((longer, unsorted, np.zeros(3)))},
        f"{TREE} circle": {**tree, "edges": circle},
        f"{TREE} light": {**tree, "weights": light},
        f"{TREE} infinite": {**tree, "weights": infinite},
        f"{TREE} forest": {"edges": tree["edges"][1:], "weights": tree["weights"][1:]},
        "merges-3.npy twice": twice,
        "agglomerative-ward.npy text": np.array(["a"]),
        f"{MARKER} null": b"null",
        f"{MARKER} list": b'{"space": 1, "n": 2, "k": 3}',
    }


def test_files_of_an_earlier_version_that_cannot_be_right_are_not_believed(matrix: Path) -> None:
    expected = fill(build(matrix))
    folder = matrix.parent / "none-0"
    for what, content in _wrong(folder).items():
        path = folder / what.split()[0]
        for checksum in folder.glob("*.checksum"):
            checksum.unlink()
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif isinstance(content, dict):
            np.savez(path, **content)
        else:
            np.save(path, content)
        discard_damaged(folder)
        noticed = [name for name in (path.name, DISTANCES) if not (folder / name).exists()]
        assert noticed, what
        assert same(fill(build(matrix)), expected), what
