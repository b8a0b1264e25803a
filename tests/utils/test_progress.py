"""Watching progress bars from outside, and stopping what they are about."""

from __future__ import annotations

from contextlib import closing

import pytest

from runner.utils.progress import ShareProgress, progress_bar, watch

Told = list[tuple[str, float, float]]


def test_a_watcher_is_told_of_every_bar_and_update() -> None:
    told: Told = []
    with watch(lambda *event: told.append(event)):
        with progress_bar(3, "trials", "trial") as bar:
            bar.update()
            bar.update(2)
        with closing(ShareProgress("tree")) as share:
            share(0.25)
            share(1.0)
    assert told == [
        ("trials", 0, 3), ("trials", 1, 3), ("trials", 3, 3), ("tree", 0, 100), ("tree", 25, 100), ("tree", 100, 100)
    ]  # fmt: skip


def test_bars_that_are_not_drawn_are_told_all_the_same() -> None:
    told: Told = []
    with watch(lambda *event: told.append(event)), progress_bar(2, "plots", "plot", disable=True) as bar:
        bar.update()
    assert told[-1] == ("plots", 1, 2)


def test_what_a_watcher_raises_ends_the_work() -> None:
    class Cancelled(Exception):
        pass

    def cancel(what: str, done: float, total: float) -> None:
        if done == 2:
            raise Cancelled

    done = 0
    with pytest.raises(Cancelled), watch(cancel), progress_bar(5, "trials", "trial") as bar:
        for _ in range(5):
            bar.update()
            done += 1
    assert done == 1


def test_nobody_is_told_once_the_watch_is_over() -> None:
    told: Told = []
    with watch(lambda *event: told.append(event)):
        pass
    with progress_bar(1, "trials", "trial") as bar:
        bar.update()
    assert told == []
