"""Drives with faults: a small C library, preloaded into a process, through which it sees one folder."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).with_name("drive.c")
NEVER = 2**40
"""Calls after which a drive is gone that only counts them."""


def built(folder: Path) -> Path | None:
    """The library, compiled into ``folder``; None where there is no C compiler or the system preloads none."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or os.uname().sysname != "Linux":
        return None
    library = folder / "drive.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl"], check=True)
    return library


@dataclass(frozen=True)
class Drive:
    """A folder with a fault.

    Attributes:
        library: see :func:`built`.
        folder: what lies on the drive.
        fault: locks, links, rename, eio or estale; see the library's source.
        counter: a file for the number of calls, on another drive.
        answered: how many calls it answers before it is gone.
    """

    library: Path
    folder: Path
    fault: str
    counter: Path
    answered: int = 0

    def environment(self) -> Mapping[str, str]:
        """Environment of a process that is to see it; the count begins anew."""
        self.counter.write_bytes(bytes(8))
        return {
            **os.environ,
            "LD_PRELOAD": str(self.library),
            "IMAGESWEEP_DRIVE": str(self.folder.resolve()),
            "IMAGESWEEP_DRIVE_FAULT": self.fault,
            "IMAGESWEEP_DRIVE_COUNT": str(self.counter),
            "IMAGESWEEP_DRIVE_FROM": str(self.answered),
        }

    def calls(self) -> int:
        """Calls since then."""
        return int(struct.unpack("l", self.counter.read_bytes())[0])
