"""Reads damaged pictures by the million, in processes of their own that may crash: each that does is a finding.

    python -m tests.fuzz.million_images --images 1000000 --seed 7 --workers 1

Every picture is told by the seed and its number, so that one is read again by ``--seed S --first NUMBER --images 1``.
"""

from __future__ import annotations

import argparse
import mmap
import struct
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from tests.fuzz.damaged_pictures import damaged_picture, is_read, whole_pictures

BLOCK = 20_000
"""Pictures that a process reads before the next takes over."""
MOST_MIB, MOST_SECONDS = 512, 10
"""What a file may take."""
_IN_MEMORY = Path("/dev/shm")
"""Where the pictures are written: a disk would be all that is measured."""
STALLED = 120
"""Seconds after which a process that is still at the same picture is ended."""


@dataclass
class Tally:
    """How far a process is and what it found, as it is shared with the one that watches it.

    Attributes:
        number: the picture that is being read, or was last.
        done: pictures that were read to their end.
        decoded: those that gave pixels.
        refused: those that were refused with a reason.
        wrong: those at which something else was raised, or a limit passed.
        peak: largest memory above the process's own before its first picture, in MiB.
        peak_at: the picture at which that was reached.
        longest: processor time of the slowest, in seconds.
        longest_at: which that was.
    """

    number: int = 0
    done: int = 0
    decoded: int = 0
    refused: int = 0
    wrong: int = 0
    peak: float = 0
    peak_at: int = 0
    longest: float = 0
    longest_at: int = 0

    def add(self, other: Tally) -> None:
        for name in ("done", "decoded", "refused", "wrong"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        if other.peak > self.peak:
            self.peak, self.peak_at = other.peak, other.peak_at
        if other.longest > self.longest:
            self.longest, self.longest_at = other.longest, other.longest_at


_FORM = "".join("d" if field.type == "float" else "q" for field in fields(Tally))


def _mib(name: str) -> float:
    """A size of this process as Linux tells it, such as ``VmHWM``."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) / 1024


def read_block(seed: int, first: int, count: int, shared: Path, folder: Path) -> None:
    """Read pictures one after the other; how far that is stands in ``shared`` at any time."""
    warnings.simplefilter("ignore")
    for name, content in whole_pictures().items():  # loads every library
        (folder / name).write_bytes(content)
        is_read(damaged_picture(seed, first), folder / name)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before, tally = _mib("VmRSS"), Tally()
    with shared.open("r+b") as file, mmap.mmap(file.fileno(), struct.calcsize(_FORM)) as memory:
        for number in range(first, first + count):
            tally.number = number
            memory[:] = struct.pack(_FORM, *astuple(tally))
            _read_one(seed, number, folder, tally, before)
        memory[:] = struct.pack(_FORM, *astuple(tally))


def _read_one(seed: int, number: int, folder: Path, tally: Tally, before: float) -> None:
    picture = damaged_picture(seed, number)
    began = time.process_time()
    try:
        decoded = is_read(picture, folder / picture.name)
    except Exception:
        tally.wrong += 1
        _tell(seed, number, f"{picture.name} raised\n{traceback.format_exc()}")
    else:
        tally.decoded, tally.refused = tally.decoded + decoded, tally.refused + (not decoded)
    tally.done += 1
    if (seconds := time.process_time() - began) > tally.longest:
        tally.longest, tally.longest_at = seconds, number
    if (peak := _mib("VmHWM") - before) > tally.peak:
        tally.peak, tally.peak_at = peak, number
        if peak > MOST_MIB:
            tally.wrong += 1
            _tell(seed, number, f"{picture.name} took {peak:,.0f} MiB")
    if seconds > MOST_SECONDS:
        tally.wrong += 1
        _tell(seed, number, f"{picture.name} took {seconds:.1f} s")


def _tell(seed: int, number: int, what: str) -> None:
    print(f"FOUND --seed {seed} --first {number} --images 1: {what}", flush=True)


def watch_block(seed: int, first: int, count: int) -> Tally:
    """Have pictures read by other processes, each going on where the one before it died."""
    total, end = Tally(), first + count
    while first < end:
        with tempfile.TemporaryDirectory(prefix="pictures-", dir=_IN_MEMORY if _IN_MEMORY.is_dir() else None) as folder:
            shared = Path(folder, "tally")
            shared.write_bytes(bytes(struct.calcsize(_FORM)))
            numbers = map(str, (seed, first, end - first))
            command = [sys.executable, "-m", "tests.fuzz.million_images", "--block", *numbers, str(shared), folder]
            process = subprocess.Popen(command)
            why = _died_of(process, shared)
            tally = Tally(*struct.unpack(_FORM, shared.read_bytes()))
        total.add(tally)
        if why is None:
            return total
        if not tally.number and not tally.done:
            raise SystemExit(f"a process could not begin: {why}")
        total.wrong += 1
        _tell(seed, tally.number, f"{damaged_picture(seed, tally.number).name} {why}")
        first = tally.number + 1
    return total


def _died_of(process: subprocess.Popen[bytes], shared: Path) -> str | None:
    """Wait for a process; what ended it, or None where it came to its end."""
    seen = shared.read_bytes()
    while True:
        try:
            status = process.wait(STALLED)
        except subprocess.TimeoutExpired:
            now = shared.read_bytes()
            if now != seen:
                seen = now
                continue
            process.kill()
            process.wait()
            return f"took over {STALLED} s"
        return f"ended its process with status {status}" if status else None


def main() -> int:
    if sys.argv[1:2] == ["--block"]:
        seed, first, count = map(int, sys.argv[2:5])
        read_block(seed, first, count, Path(sys.argv[5]), Path(sys.argv[6]))
        return 0
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--seed", type=int, default=int(time.time()), metavar="S")
    parser.add_argument("--first", type=int, default=0, metavar="NUMBER", help="number of the first picture")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes that read at the same time")
    args = parser.parse_args()
    print(f"seed {args.seed}", flush=True)
    total, began = Tally(), time.monotonic()
    with ThreadPoolExecutor(args.workers) as pool:
        for tally in pool.map(lambda block: watch_block(args.seed, *block), _blocks(args.first, args.images)):
            total.add(tally)
            pace = total.done / (time.monotonic() - began)
            print(f"{total.done:,} read, {pace:,.0f}/s, {total.wrong} wrong, {total.peak:,.0f} MiB", flush=True)
    print(
        f"{total.done:,} pictures of seed {args.seed}: {total.decoded:,} decoded, {total.refused:,} refused, "
        f"{total.wrong:,} other outcomes; at most {total.peak:,.0f} MiB above the start (picture {total.peak_at}) "
        f"and {total.longest:.2f} s of processor (picture {total.longest_at})"
    )
    return 1 if total.wrong else 0


def _blocks(first: int, count: int) -> Iterator[tuple[int, int]]:
    for start in range(first, first + count, BLOCK):
        yield start, min(BLOCK, first + count - start)


if __name__ == "__main__":
    sys.exit(main())
