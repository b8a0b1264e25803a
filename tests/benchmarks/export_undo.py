"""10,000 files moved into clusters, killed half-way with SIGKILL, undone, and compared byte for byte.

python tests/benchmarks/export_undo.py [--files 10000] [--other-disk /dev/shm]
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.export.finished_results import snapshot, write_finished


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--other-disk", type=Path, help="a folder on another file system, to move to that as well")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        names = [f"{number % 40:02d}/image-{number // 40:04d}.png" for number in range(options.files)]
        results = write_finished(Path(folder), names, clusters=50)
        images = Path(folder) / "images"
        before = snapshot(images)
        size = sum((images / name).stat().st_size for name in before)
        print(f"{len(before):,} files, {size / 1e6:.1f} MB")
        compare(results, images, Path(folder) / "sorted", before)
        if options.other_disk is not None:
            with tempfile.TemporaryDirectory(dir=options.other_disk) as other:
                print("to another file system:")
                compare(results, images, Path(other) / "sorted", before)


def compare(results: Path, images: Path, to: Path, before: dict[str, tuple[str, int, int]]) -> None:
    """Move everything; move and kill half-way; undo each; nothing may be different."""
    seconds = timed("export", results, "--to", to, "--how", "move")
    assert snapshot(images) == {}
    undo_seconds = timed("undo", to)
    print(f"  moved in {seconds:.1f} s, undone in {undo_seconds:.1f} s: {verdict(images, before)}")
    process = subprocess.Popen(
        [*runner("export"), str(results), "--to", str(to), "--how", "move"], stderr=-3, stdout=-3
    )
    while process.poll() is None and count(images) > len(before) / 2:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    left = count(images)
    undo_seconds = timed("undo", to)
    print(f"  killed with {left:,} of {len(before):,} still in place, undone in {undo_seconds:.1f} s: "
          f"{verdict(images, before)}")  # fmt: skip
    leftovers = [path.name for path in to.iterdir() if path.name != "manifest-undone.jsonl"]
    assert not leftovers, leftovers


def verdict(images: Path, before: dict[str, tuple[str, int, int]]) -> str:
    assert snapshot(images) == before, "files differ"
    return f"all {len(before):,} files are as they were, byte for byte, with their times and permissions"


def count(folder: Path) -> int:
    return sum(len(names) for _, _, names in os.walk(folder))


def runner(command: str) -> list[str]:
    return [sys.executable, "-m", "runner", command]


def timed(command: str, *arguments: object) -> float:
    started = time.perf_counter()
    subprocess.run([*runner(command), *map(str, arguments)], check=True, stdout=-3, stderr=-3)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
