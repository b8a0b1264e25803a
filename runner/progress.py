"""Progress bars with rate and time left, on stderr, for anything that takes more than two seconds."""

from __future__ import annotations

from typing import Any

from tqdm import tqdm


def progress_bar(total: float, description: str, unit: str, **options: Any) -> tqdm:
    """A bar that shows itself after two seconds; close it, or use it as a context manager."""
    return tqdm(total=total, desc=description, unit=unit, delay=2, dynamic_ncols=True, mininterval=0.5, **options)


class ShareProgress:
    """A bar fed with the share of the work done, 0 to 1."""

    def __init__(self, description: str) -> None:
        self._bar = tqdm(
            total=100,
            desc=description,
            delay=2,
            dynamic_ncols=True,
            mininterval=0.5,
            bar_format="{desc}: {percentage:3.0f}%|{bar}| [{elapsed}<{remaining}]",
        )

    def __call__(self, share: float) -> None:
        self._bar.update(share * 100 - self._bar.n)

    def close(self) -> None:
        self._bar.close()
