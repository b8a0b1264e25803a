"""The faults: each brings a world into trouble; what the same command makes of it then is the campaign's to see."""

from __future__ import annotations

import math
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from runner.results.paths import STATE, WORK
from tests.faults.damage import DAMAGES, files_below
from tests.faults.drives import Drive, built
from tests.faults.world import PATIENCE, World

MEMORY_GROUPS = Path("/sys/fs/cgroup")
"""Where the system's control groups are mounted."""


class NotHere(Exception):
    """This machine can't make the fault; the message says why."""


@dataclass(frozen=True)
class Undisturbed:
    """What is known of a run that nothing disturbed.

    Attributes:
        world: as it left it.
        seconds: that it took.
        size: bytes of its results and cache.
    """

    world: World
    seconds: float
    size: int


@dataclass(frozen=True)
class Harm:
    """What exactly was done to a world, for people who look for the cause of a difference.

    Attributes:
        what: in words.
        times: how many faults that was.
    """

    what: str
    times: int = 1


Fault = Callable[[World, Random, Undisturbed], Harm]
"""Does its harm to an empty world."""

KILLS_IN_A_ROW = 4
"""Kills of one experiment, each of the command called again after the one before."""


def kill(world: World, random: Random, undisturbed: Undisturbed) -> Harm:
    """SIGKILL of the driver at random moments, of the first run and of those that go on; its workers are not killed."""
    moments = []
    while len(moments) < KILLS_IN_A_ROW:
        after = _moment(random, undisturbed)
        if _signalled(world, after, signal.SIGKILL, {-signal.SIGKILL}) is None:
            break
        moments.append(f"{after:.2f}")
    return Harm(f"SIGKILL after {', '.join(moments)} s", len(moments))


def terminate(world: World, random: Random, undisturbed: Undisturbed) -> Harm:
    """SIGTERM to the driver."""
    return _ended(world, _moment(random, undisturbed), signal.SIGTERM, {143})


def interrupt(world: World, random: Random, undisturbed: Undisturbed) -> Harm:
    """SIGINT to the driver and all that it started, as a terminal sends it."""
    return _ended(world, _moment(random, undisturbed), signal.SIGINT, {130}, group=True)


def _moment(random: Random, undisturbed: Undisturbed) -> float:
    return random.uniform(0.05, 1.0) * undisturbed.seconds


def _ended(world: World, after: float, number: signal.Signals, wanted: set[int], *, group: bool = False) -> Harm:
    status = _signalled(world, after, number, wanted, group=group)
    if status is None:
        return Harm(f"over before {number.name} at {after:.2f} s", 0)
    _require("Traceback" not in world.output(), f"a traceback after {number.name}", world)
    return Harm(f"{number.name} after {after:.2f} s, exit status {status}")


def _signalled(
    world: World, after: float, number: signal.Signals, wanted: set[int], *, group: bool = False
) -> int | None:
    """The exit status of an experiment that got a signal ``after`` so many seconds; None if it was over by then."""
    process = world.start()
    try:
        process.wait(after)
        return None
    except subprocess.TimeoutExpired:
        (os.killpg if group else os.kill)(process.pid, number)
        status = process.wait(PATIENCE)
    _require(status in wanted | {0}, f"exit status {status} after {number.name}", world)
    return status


def out_of_memory(world: World, random: Random, undisturbed: Undisturbed) -> Harm:
    """A control group that holds less than the experiment takes."""
    megabytes = random.randrange(150, 1400)
    with _memory_group(megabytes * 2**20) as tasks:
        process = world.start(wrapper=("sh", "-c", f'echo $$ > {tasks} && exec "$@"', "sh"))
        status = process.wait(PATIENCE)
    _require(status in {0, 1, 3, -signal.SIGKILL}, f"exit status {status} with {megabytes} MiB", world)
    return Harm(f"{megabytes} MiB, exit status {status}")


@contextmanager
def _memory_group(limit: int) -> Iterator[Path]:
    """The file that a process enters to be held to ``limit`` bytes."""
    name = f"imagesweep-faults-{os.getpid()}"
    first, second = MEMORY_GROUPS / "memory" / name, MEMORY_GROUPS / name
    group = first if (MEMORY_GROUPS / "memory").is_dir() else second
    try:
        group.mkdir()
        (group / ("memory.limit_in_bytes" if group == first else "memory.max")).write_text(str(limit))
    except OSError as error:
        raise NotHere(f"no control group can be made here ({error})") from error
    try:
        yield group / "cgroup.procs"
    finally:
        for _ in range(100):
            for process in (group / "cgroup.procs").read_text().split():
                os.kill(int(process), signal.SIGKILL)
            try:
                group.rmdir()
                break
            except OSError:  # its processes are still ending
                time.sleep(0.1)


def drive_gone(world: World, random: Random, undisturbed: Undisturbed) -> Harm:
    """The drive of images, results or cache is gone at a random moment; afterwards it is there again."""
    library = built(undisturbed.world.folder)
    if library is None:
        raise NotHere("no C compiler for the library that plays the drive")
    place = random.choice([world.images, world.results, world.cache])
    fault = random.choice(["eio", "estale"])
    drive = Drive(library, place, fault, undisturbed.world.folder / "calls", int(math.exp(random.uniform(2, 10))))
    status = world.start(environment=drive.environment()).wait(PATIENCE)
    what = f"drive of {place.name} gone ({fault}) after {drive.answered} calls, exit status {status}"
    if drive.calls() < drive.answered:
        return Harm(f"{what}: over before", 0)
    last = world.output().splitlines()[-1]
    _require(status == 1, what, world)
    _require("Traceback" not in world.output(), f"{what}: a traceback", world)
    _require(str(world.folder) in last or str(world.images) in last, f"{what}: no file is named", world)
    _require("resumes" in last, f"{what}: no remedy is named", world)
    return Harm(what)


def disk_full(world: World, random: Random, undisturbed: Undisturbed) -> Harm:
    """A file system with less room than results and cache take; afterwards there is room."""
    kilobytes = int(random.uniform(0.02, 0.98) * undisturbed.size / 1024)
    places = [world.results, world.cache] if random.random() < 0.5 else [random.choice([world.results, world.cache])]
    for place in places:
        place.mkdir(parents=True)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "imagesweep-faults", str(place)]
        if subprocess.run(mount, capture_output=True, check=False).returncode:
            raise NotHere("no file system can be mounted here; run as root")
    try:
        status = world.run()
        output = world.output()
        for place in places:
            kept = place.with_name(f"{place.name}.kept")
            shutil.copytree(place, kept, symlinks=True)
    finally:
        for place in places:
            subprocess.run(["umount", "-l", str(place)], check=True)
    for place in places:
        place.rmdir()
        place.with_name(f"{place.name}.kept").rename(place)
    names = " and ".join(place.name for place in places)
    _require(status in {0, 1, 3}, f"exit status {status} with {kilobytes} kB for {names}", world)
    _require("Traceback" not in output, "a traceback", world)
    return Harm(f"{kilobytes} kB for {names}, exit status {status}")


def store_locked(world: World, random: Random, undisturbed: Undisturbed) -> Harm:
    """Another program holds MLflow's store while the experiment logs."""
    shutil.rmtree(world.folder, ignore_errors=True)
    undisturbed.world.copy_to(world.folder)
    _forget_runs(world, random)
    connection = sqlite3.connect(world.results / "mlflow.db")
    connection.execute("BEGIN EXCLUSIVE")
    try:
        status = world.run()
    finally:
        connection.rollback()
        connection.close()
    _require(status == 1, f"exit status {status} with a locked store", world)
    _require("Traceback" not in world.output(), "a traceback", world)
    return Harm(f"exit status {status}: {world.output().strip().splitlines()[-1]}")


def store_lost(world: World, random: Random, undisturbed: Undisturbed) -> Harm:
    """MLflow's store is deleted after the experiment."""
    shutil.rmtree(world.folder, ignore_errors=True)
    undisturbed.world.copy_to(world.folder)
    for name in ("mlflow.db", "mlflow.db-wal", "mlflow.db-shm"):
        (world.results / name).unlink(missing_ok=True)
    if random.random() < 0.5:
        shutil.rmtree(world.results / "mlartifacts")
    return Harm("mlflow.db deleted")


def _forget_runs(world: World, random: Random) -> None:
    """Undo the logging of one run, so that there is something to log."""
    connection = sqlite3.connect(world.results / "mlflow.db")
    runs = [run for (run,) in connection.execute("SELECT run_uuid FROM tags WHERE key = 'imagesweep.trial'")]
    with connection:
        connection.execute("UPDATE runs SET status = 'RUNNING' WHERE run_uuid = ?", [random.choice(sorted(runs))])
    connection.close()


def truncated(world: World, random: Random, undisturbed: Undisturbed) -> Harm:
    """A file under results or cache loses its end, or everything."""
    return _damaged(
        world, random.choice(_kinds(world, random, undisturbed)), random, "emptied", "halved", "one byte short"
    )


def flipped(world: World, random: Random, undisturbed: Undisturbed) -> Harm:
    """Some bytes of a file under results or cache change."""
    return _damaged(world, random.choice(_kinds(world, random, undisturbed)), random, "flipped")


def all_truncated(world: World, random: Random, undisturbed: Undisturbed) -> Harm:
    """A file of every kind in the results or the cache is cut, but not the one that tells whose results they are."""
    files = _kinds(world, random, undisturbed, but=STATE)
    how = random.choice(["emptied", "halved", "one byte short"])
    for path in files:
        _damaged(world, path, random, how)
    return Harm(f"{len(files)} files, one of every kind, {how}", len(files))


def all_flipped(world: World, random: Random, undisturbed: Undisturbed) -> Harm:
    """Some bytes change of a file of every kind in the results or the cache, except that which tells whose they are."""
    files = _kinds(world, random, undisturbed, but=STATE)
    for path in files:
        _damaged(world, path, random, "flipped")
    return Harm(f"{len(files)} files, one of every kind, flipped", len(files))


def _damaged(world: World, path: Path, random: Random, *ways: str) -> Harm:
    how = random.choice(ways)
    DAMAGES[how](path, random)
    return Harm(f"{path.relative_to(world.folder)} {how}")


def _kinds(world: World, random: Random, undisturbed: Undisturbed, *, but: str = "") -> list[Path]:
    """A file of each kind in the results or in the cache of a finished world, to which this one is made.

    Of files in the cache the results then have no copy of the vectors, so that they must be read. MLflow's store is
    not ours.
    """
    shutil.rmtree(world.folder, ignore_errors=True)
    undisturbed.world.copy_to(world.folder)
    base = random.choice([world.results, world.cache])
    if base == world.cache:
        for copy in (world.results / WORK).glob("*.npy*"):
            copy.unlink()
    kinds: dict[str, list[Path]] = {}
    for path in files_below(base):
        if "mlflow.db" not in path.name and path.name != but:
            kinds.setdefault(_kind(path.relative_to(world.folder)), []).append(path)
    return [random.choice(kinds[kind]) for kind in sorted(kinds)]


def _kind(path: Path) -> str:
    """What a file is, by folder and name without their numbers and digests."""
    name = "".join("#" if character.isdigit() else character for character in path.name)
    parts = path.parts
    return "/".join([*parts[:2], name if len(parts) < 5 and len(name) < 30 else path.suffix])


def _require(right: bool, what: str, world: World) -> None:
    if not right:
        raise AssertionError(f"{what}; the end of its output: {world.output()[-1500:]}")


FAULTS: dict[str, Fault] = {
    "kill -9": kill,
    "SIGTERM": terminate,
    "SIGINT": interrupt,
    "out of memory": out_of_memory,
    "disk full": disk_full,
    "drive gone": drive_gone,
    "store locked": store_locked,
    "store lost": store_lost,
    "file truncated": truncated,
    "bytes flipped": flipped,
    "all truncated": all_truncated,
    "all flipped": all_flipped,
}

WEIGHTS = {"kill -9": 6, "bytes flipped": 4, "file truncated": 3}
"""How often a fault is drawn, where more often than once in a while."""

if sys.platform != "linux":
    del FAULTS["out of memory"], FAULTS["disk full"], FAULTS["drive gone"]
