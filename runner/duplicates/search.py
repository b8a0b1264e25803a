"""The search for duplicates: link the images, choose a threshold, form groups."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from runner.cluster.threshold_curve import ThresholdCurve, threshold_curve
from runner.duplicates.groups import DuplicateGroup, duplicate_groups
from runner.duplicates.links import LinkRequest, Links
from runner.duplicates.methods import METHODS
from runner.duplicates.settings import DuplicatesConfig
from runner.errors import RunnerError
from runner.finished import FinishedExperiment, open_experiment
from runner.images.folder import scan_folder
from runner.images.image_set import SkippedImage
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
    """

    config: DuplicatesConfig
    links: Links
    curve: ThresholdCurve
    threshold: float
    reason: str
    groups: tuple[DuplicateGroup, ...]
    skipped: tuple[SkippedImage, ...]

    @property
    def dropped(self) -> frozenset[int]:
        """Rows of all images to drop."""
        return frozenset(row for group in self.groups for row in group.dropped)


def find_duplicates(
    config: DuplicatesConfig,
    say: Callable[[str], None] = lambda line: None,
    finished: FinishedExperiment | None = None,
) -> Duplicates:
    """Find groups of duplicates; nothing is written but what can be computed again.

    Args:
        config: all settings.
        say: told what is going on, line by line.
        finished: the experiment in ``config.results``, if it is open already.

    Raises:
        RunnerError: fewer than two usable images, or something can't be computed.
        UsageError: an unknown model or embedding.
    """
    skipped: tuple[SkippedImage, ...] = ()
    if config.results is not None:
        finished = finished or open_experiment(config.results)
        images = finished.images
        if not images.paths:
            raise RunnerError(
                f"the image files of {config.results} are not known, and to choose among duplicates they must be read"
            )
    else:
        assert config.images is not None
        scan = scan_folder(config.images)
        images, skipped = scan.images, scan.skipped
    require_enough(images, str(images.root or config.results), skipped)
    links = METHODS[config.method](LinkRequest(images, config, finished, say))
    curve = threshold_curve(links.tree)
    threshold, reason = _threshold(config, curve)
    groups = duplicate_groups(links, threshold, config.keep_per_group)
    return Duplicates(config, links, curve, threshold, reason, tuple(groups), (*skipped, *links.skipped))


def _threshold(config: DuplicatesConfig, curve: ThresholdCurve) -> tuple[float, str]:
    if config.threshold != "auto":
        return config.threshold, "as asked for"
    if config.method == "exact":
        return 1.0, "only files with the same bytes are linked"
    knee = curve.knee()
    return knee.threshold, knee.reason
