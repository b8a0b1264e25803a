"""Duplicates of known origin: precision and recall by method and threshold, and the time against imagehash's own loop.

    python tests/benchmarks/duplicates.py [--originals 400] [--duplicated 60]

Originals are tuxpaint's stamps, without their mirrored twins; of some of them there is a copy, a JPEG of quality 40,
one of 60 % of the size, one 15 % brighter, crops to 95 and 85 % of both sides, and rotations by 3 and 8 degrees. A pair
in one group counts as right if both come from the same stamp. Stamps that hardly differ from each other (letters,
traffic lights) are strangers here, so that precision is a lower bound.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from runner.cluster.graph.threshold_curve import threshold_curve
from runner.cluster.hamming_tree import hamming_tree
from runner.duplicates.config import DuplicatesConfig
from runner.duplicates.find import Duplicates
from runner.experiment.duplicates import find_duplicates
from runner.images.folder import scan_folder
from tests.duplicates.planted import CHANGES, PlantedImages, plant

STAMPS = Path("/usr/share/tuxpaint/stamps")
THRESHOLDS = {
    "exact": [1.0],
    "hash": [1.0, 0.95, 0.9, 0.87, 0.84, 0.81],
    "orb": [0.6, 0.45, 0.35, 0.3, 0.25, 0.2],
    "ssim": [0.95, 0.9, 0.85, 0.8, 0.75],
    "template": [0.95, 0.9, 0.85, 0.8, 0.75],
    "minhash": [0.9, 0.8, 0.7, 0.6],
    "dhash": [1.0, 0.95, 0.92, 0.89, 0.86],
    "embedding": [0.98, 0.95, 0.93, 0.91, 0.89, 0.85],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--originals", type=int, default=400)
    parser.add_argument("--duplicated", type=int, default=60)
    parser.add_argument("--cache-dir", type=Path, help="embedding cache (default: a temporary one)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = [path for path in scan_folder(STAMPS).images.paths if "_mirror" not in path.name]
        chosen = files[:: max(1, len(files) // options.originals)][: options.originals]
        planted = plant(Path(folder) / "images", chosen, options.duplicated)
        print(f"{len(chosen)} originals, {len(planted.pairs)} duplicates of {options.duplicated} of them")
        for method in THRESHOLDS:
            compare(method, planted, Path(folder), options.cache_dir or Path(folder) / "cache")
        compare_time(planted)


def compare(method: str, planted: PlantedImages, folder: Path, cache_dir: Path) -> None:
    """The table of one method."""
    config = DuplicatesConfig.model_validate(
        {
            "images": planted.folder,
            "method": method,
            "model": "efficientnet_lite0",
            "cache_dir": cache_dir,
            "out": folder / "out",
        }
    )
    started = time.perf_counter()
    found = find_duplicates(config)
    seconds = time.perf_counter() - started
    print(f"\n{method}: {found.links.measure}; {seconds:.1f} s with an empty cache")
    print(f"  auto {found.threshold:.3f}: {found.reason}")
    print("  threshold  precision  recall    F1  |  " + "  ".join(f"{change:>10}" for change in CHANGES))
    auto = [] if method == "exact" else [found.threshold]
    for threshold in sorted({*THRESHOLDS[method], *auto}, reverse=True):
        mark = "auto" if threshold in auto else ""
        print(f"  {threshold:9.3f}  {row(planted, found, threshold)}  {mark}")


def row(planted: PlantedImages, found: Duplicates, threshold: float) -> str:
    """Precision, recall and F1 of pairs, and the share of originals found beside their duplicate, by change."""
    ids = found.links.images.ids
    labels = found.links.tree.groups(threshold)
    row_of = {name: place for place, name in enumerate(ids)}
    sources = np.array([Path(name).stem for name in ids])
    right = wrong = 0
    for group in range(labels.max(initial=-1) + 1):
        same = pairs_in(np.unique(sources[labels == group], return_counts=True)[1])
        right, wrong = right + same, wrong + pairs_in([np.count_nonzero(labels == group)]) - same
    whole = pairs_in(np.unique(sources, return_counts=True)[1])
    precision, recall = right / max(1, right + wrong), right / whole
    f1 = 2 * precision * recall / max(1e-9, precision + recall)
    shares = []
    for change in CHANGES:
        pairs = [(row_of[first], row_of[second]) for first, second, name in planted.pairs if name == change]
        together = [labels[first] == labels[second] != -1 for first, second in pairs]
        shares.append(f"{np.mean(together):10.2f}")
    return f"{precision:9.3f}  {recall:6.3f}  {f1:.2f}  |  {'  '.join(shares)}"


def pairs_in(sizes: Sequence[int] | np.ndarray) -> int:
    return int(sum(size * (size - 1) // 2 for size in map(int, sizes)))


def compare_time(planted: PlantedImages) -> None:
    """All pairs by imagehash's own difference, and by the tree of packed bits."""
    from imagehash import phash
    from PIL import Image

    paths = sorted(planted.folder.rglob("*.png"))
    started = time.perf_counter()
    hashes = [phash(Image.open(path)) for path in paths]
    hashing = time.perf_counter() - started
    started = time.perf_counter()
    for first, second in combinations(hashes, 2):
        _ = first - second
    looping = time.perf_counter() - started
    bits = np.stack([each.hash.ravel() for each in hashes])
    hamming_tree(bits[:10], {})  # compiled on first use
    started = time.perf_counter()
    threshold_curve(hamming_tree(bits, {}))
    here = time.perf_counter() - started
    n = len(paths)
    print(f"\n{n:,} images: hashing {hashing:.1f} s; all pairs by imagehash's loop {looping:.2f} s, "
          f"the exact tree and every threshold {here:.4f} s, {looping / here:,.0f} times as fast")  # fmt: skip
    many = np.random.default_rng(0).random((20_000, 64)) < 0.5
    started = time.perf_counter()
    threshold_curve(hamming_tree(many, {}))
    scaled = looping * (20_000 / n) ** 2
    print(f"20,000 hashes: {time.perf_counter() - started:.2f} s; the loop would take {scaled:,.0f} s")


if __name__ == "__main__":
    main()
