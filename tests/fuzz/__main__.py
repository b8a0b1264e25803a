"""``python -m tests.fuzz``: every property of this folder, again and again for its equal share of the time.

Each round draws other examples, by a seed of its own, which is printed where the property fails.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import pytest
from hypothesis import is_hypothesis_test, seed

FOLDER = Path(__file__).resolve().parent
HANGS_AFTER = 300
"""Seconds that one round may take beyond the share of its property."""


class Campaign:
    """A plug-in of pytest's that repeats each property until its time is up, or it fails."""

    def __init__(self, seconds: float, first_seed: int) -> None:
        self.seconds, self.first_seed = seconds, first_seed
        self.share = seconds

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if isinstance(item, pytest.Function) and is_hypothesis_test(item.obj)]
        self.share = self.seconds / max(1, len(items))
        for item in items:
            item.add_marker(pytest.mark.timeout(self.share + HANGS_AFTER))

    def pytest_report_collectionfinish(self, items: list[pytest.Item]) -> str:
        return f"{len(items)} properties, {self.share:.0f} s for each, seeds from {self.first_seed}"

    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool:
        arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
        began, rounds = time.monotonic(), 0
        while rounds == 0 or time.monotonic() < began + self.share:
            round_seed = self.first_seed + rounds
            try:
                seed(round_seed)(pyfuncitem.obj)(**arguments)
            except BaseException:
                print(
                    f"the same again: python -m pytest {pyfuncitem.nodeid} --hypothesis-profile=fuzz "
                    f"--hypothesis-seed={round_seed}"
                )
                raise
            rounds += 1
        plugins = pyfuncitem.config.pluginmanager
        with plugins.getplugin("capturemanager").global_and_fixture_disabled():
            seconds = time.monotonic() - began
            plugins.getplugin("terminalreporter").write_line(f" {pyfuncitem.nodeid}: {rounds} rounds, {seconds:.0f} s")
        return True


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60, help="for all properties together")
    parser.add_argument("--seed", type=int, default=None, help="of the first round; drawn where it is not given")
    parser.add_argument("only", nargs="*", help="files of properties, or names as pytest has them")
    options = parser.parse_args()
    first_seed = options.seed if options.seed is not None else time.time_ns() % 10**9
    campaign = Campaign(60 * options.minutes, first_seed)
    return int(pytest.main(["-q", "--hypothesis-profile=fuzz", *(options.only or [str(FOLDER)])], plugins=[campaign]))


if __name__ == "__main__":
    sys.exit(main())
