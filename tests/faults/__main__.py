"""``python -m tests.faults``: a campaign of faults, and a table of what came of each.

Each attempt runs a small experiment into trouble, and then the same command again until it is done. It must end with
the results of a run that nothing disturbed, and leave no process and no temporary file.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.faults.faults import FAULTS, WEIGHTS, Harm, NotHere, Undisturbed
from tests.faults.world import World, differences, make_images

ATTEMPTS_TO_FINISH = 3
"""Calls of the same command within which it must be done; a failure that passes is tried again by each."""

TIMES = {"all flipped": 20}
"""How often a fault is made by ``--all``, where not three times."""

MOST_SHOWN = 5
"""Differences that are told of one attempt."""


@dataclass
class Tally:
    """What came of one kind of fault."""

    attempts: int = 0
    faults: int = 0
    same: int = 0
    processes: int = 0
    temporary: int = 0
    broken: list[str] = field(default_factory=list)
    not_here: str = ""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=None, help="of the draw; printed, and drawn where not given")
    parser.add_argument("--seconds", type=float, default=600, help="begin no attempt after this time")
    parser.add_argument("--kills", type=int, default=0, help="make at least so many of kill -9, whatever the time")
    parser.add_argument("--all", action="store_true", help="every fault some times, whatever the time")
    parser.add_argument("--only", choices=sorted(FAULTS), action="append", help="these faults alone")
    options = parser.parse_args()
    if options.kills and "kill -9" not in (options.only or FAULTS):
        parser.error("--kills without --only 'kill -9'")
    seed = options.seed if options.seed is not None else time.time_ns() % 10**6
    print(f"faults: seed {seed}; the same again: python -m tests.faults --seed {seed}", flush=True)
    tallies = {name: Tally() for name in (options.only or FAULTS)}
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        undisturbed = _undisturbed(Path(name))
        expected = undisturbed.world.snapshot()
        for number, fault in enumerate(_drawn(seed, options, tallies)):
            _attempt(Path(name) / f"{number}", fault, Random(f"{seed} {number}"), undisturbed, expected, tallies[fault])
    return _report(tallies)


def _undisturbed(folder: Path) -> Undisturbed:
    """Images, and an experiment on them that nothing disturbs."""
    make_images(folder / "images")
    world = World(folder / "undisturbed", folder / "images")
    started = time.monotonic()
    if world.run():
        raise SystemExit(f"faults: the experiment fails without any fault:\n{world.output()}")
    seconds = time.monotonic() - started
    size = sum(path.stat().st_size for base in (world.results, world.cache) for path in base.rglob("*"))
    print(f"faults: undisturbed, the experiment takes {seconds:.1f} s and {size / 2**20:.1f} MiB", flush=True)
    return Undisturbed(world, seconds, size)


def _drawn(seed: int, options: argparse.Namespace, tallies: dict[str, Tally]) -> Iterator[str]:
    """Names of faults: what is owed first, then drawn until the time is over."""
    random, names = Random(seed), list(tallies)
    owed = [name for name in names for _ in range(TIMES.get(name, 3))] if options.all else []
    random.shuffle(owed)
    yield from owed
    while options.kills and tallies["kill -9"].faults < options.kills:
        yield "kill -9"
    deadline = time.monotonic() + (0 if options.all or options.kills else options.seconds)
    while time.monotonic() < deadline:
        yield random.choices(names, [WEIGHTS.get(name, 1) for name in names])[0]


def _attempt(
    folder: Path, fault: str, random: Random, undisturbed: Undisturbed, expected: dict[str, object], tally: Tally
) -> None:
    """One fault, the same command again, and the comparison."""
    world, problems, harm = World(folder, undisturbed.world.images), [], Harm("")
    try:
        harm = FAULTS[fault](world, random, undisturbed)
        if left := world.processes_left():
            tally.processes += 1
            problems.append(f"{left} processes left")
        problems += _finish(world, expected, tally)
    except NotHere as error:
        tally.not_here = str(error)
        return
    except AssertionError as error:
        problems.append(str(error))
    tally.attempts += 1
    tally.faults += harm.times
    for process in world.processes():
        process.kill()
    if problems:
        tally.broken += [f"attempt {folder.name}: {harm.what}: {problem}" for problem in problems]
    print(f"faults: {folder.name:>4} {fault:15} {harm.what}: {'; '.join(problems) or 'same results'}", flush=True)
    shutil.rmtree(folder, ignore_errors=True)


def _finish(world: World, expected: dict[str, object], tally: Tally) -> list[str]:
    """Run until done; what is wrong then."""
    problems = []
    for _ in range(ATTEMPTS_TO_FINISH):
        status = world.run()
        if "Traceback" in world.output():
            problems.append(f"a traceback when run again: {world.output()[-1500:]}")
            break
        if status == 0:
            break
    if status:
        return [*problems, f"exit status {status} when run again: {world.output()[-800:]}"]
    different = list(differences(expected, world.snapshot()))
    tally.same += not different
    problems += different[:MOST_SHOWN]
    if left := world.processes_left():
        tally.processes += 1
        problems.append(f"{left} processes left after running again")
    if files := world.temporary_files():
        tally.temporary += 1
        problems.append(f"left behind: {', '.join(files[:5])}")
    return problems


def _report(tallies: dict[str, Tally]) -> int:
    """Print the table; 1 if anything was not as it must be."""
    print(f"\n{'fault':15} {'faults':>7} {'attempts':>9} {'same':>6} {'processes left':>15} {'files left':>11}")
    for name, tally in tallies.items():
        row = f"{name:15} {tally.faults:7} {tally.attempts:9} {tally.same:6} {tally.processes:15} {tally.temporary:11}"
        print(f"{row}  {tally.not_here}".rstrip())
    broken = [line for tally in tallies.values() for line in tally.broken]
    for line in broken:
        print(f"BROKEN {line}")
    total = Counter(passed=sum(tally.attempts for tally in tallies.values()), broken=len(broken))
    print(f"{total['passed']} attempts, {total['broken']} problems")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
