"""Duplicates in a set of images: link the images, choose a threshold, form groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from runner.cluster.graph.threshold_curve import ThresholdCurve, threshold_curve
from runner.duplicates.config import DuplicatesConfig
from runner.duplicates.groups import DuplicateGroup, duplicate_groups
from runner.duplicates.links import LinkRequest, Links
from runner.duplicates.methods import METHODS
from runner.errors import RunnerError
from runner.images.capture_times import capture_times
from runner.images.image_set import ImageSet, SkippedImage
from runner.images.similarity.time_window import TimeWindow
from runner.images.source import require_enough


@dataclass(frozen=True)
class Duplicates:
    """What a search found.

    Attributes:
        config: what was asked for.
        links: how alike the images are.
        curve: what every threshold gives.
        threshold: the one that was taken.
        reason: why, in words.
        groups: the groups at that threshold, the largest first.
        skipped: images that could not be used.
        unread_kinds: how many files that are no pictures were left out, by kind.
    """

    config: DuplicatesConfig
    links: Links
    curve: ThresholdCurve
    threshold: float
    reason: str
    groups: tuple[DuplicateGroup, ...]
    skipped: tuple[SkippedImage, ...]
    unread_kinds: Mapping[str, int]

    @property
    def recall(self) -> float | None:
        """Share of the pairs this alike that were compared at all, on a sample; None where none was left out."""
        return self.links.recall(self.threshold)

    @property
    def dropped(self) -> frozenset[int]:
        """Rows of all images to drop."""
        return frozenset(row for group in self.groups for row in group.dropped)


def duplicates_among(request: LinkRequest, say: Callable[[str], None] = lambda line: None) -> Duplicates:
    """Groups of duplicates among the images of a request; nothing is written but what can be computed again.

    Args:
        request: images, settings, and how the images come to vectors.
        say: told what is going on, line by line.

    Raises:
        RunnerError: fewer than two usable images, a name with a line break, or something can't be computed.
        UsageError: an unknown model or embedding.
    """
    images, config = request.images, request.config
    require_enough(images, images.location or config.asked_for, ())
    _require_lines(images)
    window = None if config.within is None else _window(images, config.within, say)
    links = METHODS[config.method](replace(request, window=window))
    if window is not None:
        links = replace(links, measure=f"{links.measure}, taken within {window.seconds:g} s")
    curve = threshold_curve(links.tree)
    threshold, reason = _threshold(config, curve)
    groups = duplicate_groups(links, threshold, config.keep_per_group)
    return Duplicates(config, links, curve, threshold, reason, tuple(groups), links.skipped, {})


def _require_lines(images: ImageSet) -> None:
    """Refuse names that the lists of what to keep and drop, which people feed to other commands, would break in two."""
    for name in images.names:
        if "\n" in name or "\r" in name:
            raise RunnerError(f"the name {name!r} has a line break, which lists of files can't hold; rename it")


def _window(images: ImageSet, seconds: float, say: Callable[[str], None]) -> TimeWindow:
    """When the images were taken; those that don't say are told of.

    Raises:
        RunnerError: none of them says.
    """
    window = TimeWindow(capture_times(images.paths), seconds)
    unknown = int(np.isnan(window.times).sum())
    if unknown == len(images):
        raise RunnerError("no image says when it was taken (EXIF DateTimeOriginal), and --within needs that")
    if unknown:
        say(f"note        {unknown:,} of {len(images):,} images don't say when they were taken, and are in no group")
    return window


def _threshold(config: DuplicatesConfig, curve: ThresholdCurve) -> tuple[float, str]:
    if config.threshold != "auto":
        return config.threshold, "as asked for"
    if config.method == "exact":
        return 1.0, "only files with the same bytes are linked"
    knee = curve.knee()
    return knee.threshold, knee.reason
