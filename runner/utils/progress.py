"""Progress bars with rate and time left, on stderr, for anything that takes more than two seconds.

A caller who has no terminal, such as an operator of the App, can ``watch`` them instead, and stop the work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from tqdm import tqdm

Watcher = Callable[[str, float, float], None]
"""Told what is being done, how much of it, and how much there is; what it raises ends the work."""

_watcher: ContextVar[Watcher | None] = ContextVar("watcher", default=None)


@contextmanager
def watch(watcher: Watcher) -> Iterator[None]:
    """Tell ``watcher`` about every bar that is made within, at each of its updates; the bars stay as they are.

    It is called in the thread that updates the bar, often, so that it should return at once. An exception that it
    raises is passed on to the work, which ends as on any failure: that is how a run is cancelled.
    """
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)


class _Bar(tqdm):
    """A bar of tqdm's that also tells the watcher of the moment when it was made."""

    def __init__(self, *, total: float, desc: str, **options: Any) -> None:
        super().__init__(total=total, desc=desc, delay=2, dynamic_ncols=True, mininterval=0.5, **options)
        self._what, self._total, self._done = desc, total, 0.0
        self._watcher = _watcher.get()
        if self._watcher is not None:
            self._watcher(desc, 0, total)

    def update(self, n: float | None = 1) -> bool | None:
        drawn = super().update(n)
        if self._watcher is not None:
            self._done += n or 0  # counted here, as a bar that is not drawn does not count
            self._watcher(self._what, self._done, self._total)
        return drawn


def progress_bar(total: float, description: str, unit: str, **options: Any) -> tqdm:
    """A bar that shows itself after two seconds; close it, or use it as a context manager."""
    return _Bar(total=total, desc=description, unit=unit, **options)


class ShareProgress:
    """A bar fed with the share of the work done, 0 to 1."""

    def __init__(self, description: str) -> None:
        self._bar = _Bar(
            total=100, desc=description, bar_format="{desc}: {percentage:3.0f}%|{bar}| [{elapsed}<{remaining}]"
        )

    def __call__(self, share: float) -> None:
        self._bar.update(share * 100 - self._bar.n)

    def close(self) -> None:
        self._bar.close()
