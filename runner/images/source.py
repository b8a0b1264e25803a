"""From what the user names to the images of an experiment: found, labelled, sampled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runner.errors import RunnerError, UsageError
from runner.images.constraints import pair_ids
from runner.images.folders import FoundImages, scan_folders, scan_list
from runner.images.image_set import ImageSet, SkippedImage
from runner.images.lookup import resolve_targets
from runner.images.precomputed import load_precomputed
from runner.images.same_file import distinct_files
from runner.images.sample import sample_images

FEWEST_IMAGES = 2


@dataclass(frozen=True)
class Source:
    """The images of an experiment, before any is opened.

    Attributes:
        name: short name, e.g. the folder's.
        location: where they come from, for people.
        images: after sampling; a file with several names is one image.
        skipped: files that can't be taken.
        targets: ids of images of special interest, all of them in ``images``.
        total: images before sampling.
        vectors_path: ready-made vectors, one row per image before sampling; None where images are to be embedded.
        rows: row of each image in ``vectors_path``.
        note: something worth telling the user; empty if there is nothing.
        unread_kinds: how many files that are no pictures were left out, by kind.
        listed: the absolute names in the list that was read, of missing files too; empty where there was none.
    """

    name: str
    location: str
    images: ImageSet
    skipped: tuple[SkippedImage, ...]
    targets: tuple[str, ...]
    total: int
    vectors_path: Path | None = None
    rows: tuple[int, ...] = ()
    note: str = ""
    unread_kinds: Mapping[str, int] = field(default_factory=dict)
    listed: tuple[str, ...] = ()

    @property
    def n_found(self) -> int:
        """Names that were found, be their files usable or not."""
        return len(self.images.names) + len(self.skipped)


@dataclass(frozen=True)
class SourceWishes:
    """What the user asks of the images.

    Attributes:
        labels: ``folder`` to take each image's folder as its reference label, a dataset's field, or None.
        targets: paths of images of special interest; sample ids of a dataset will do.
        pairs: file of must-link and cannot-link pairs; their images are always sampled.
        sample: how many images, or which share of them; None for all.
        seed: of the sample.
        follow_links: whether links to folders are followed.
    """

    labels: str | None = None
    targets: Sequence[Path] = ()
    pairs: Path | None = None
    sample: int | float | None = None
    seed: int = 0
    follow_links: bool = False


def open_folders(folders: Sequence[Path], wishes: SourceWishes) -> Source:
    """The images of one folder or of several.

    Raises:
        RunnerError: no such folder, no image in it, or a target that is none of them.
        UsageError: labels other than ``folder``.
    """
    return _found(scan_folders(folders, labels=_folder_labels(wishes), follow_links=wishes.follow_links), wishes)


def open_list(path: Path, wishes: SourceWishes) -> Source:
    """The images in a list of files; errors as for ``open_folders``."""
    return _found(scan_list(path, labels=_folder_labels(wishes)), wishes)


def _found(found: FoundImages, wishes: SourceWishes) -> Source:
    images, targets = sampled(found.scan.images, wishes)
    return Source(
        name=found.name,
        location=found.location,
        images=images,
        skipped=found.scan.skipped,
        targets=targets,
        total=len(found.scan.images),
        note=found.note,
        unread_kinds=found.scan.unread_kinds,
        listed=found.listed,
    )


def open_vectors(embeddings: Path, paths: Path | None, wishes: SourceWishes) -> Source:
    """Ready-made vectors and the images they belong to; errors as for ``open_folders``."""
    found = load_precomputed(embeddings.expanduser(), paths, labels=_folder_labels(wishes))
    every = distinct_files(found.images)
    images, targets = sampled(every, wishes)
    notes = []
    if paths is None and found.paths_path is not None:
        notes.append(f"image paths are taken from {found.paths_path}")
    if found.missing_files:
        notes.append(f"{found.missing_files} of its images have no file, so that sheets can't be drawn")
    return Source(
        name=found.vectors_path.resolve().stem,
        location=str(found.vectors_path),
        images=images,
        skipped=(),
        targets=targets,
        total=len(every),
        vectors_path=found.vectors_path,
        rows=tuple(found.images.rows_of(images.ids)),
        note="; ".join(notes),
    )


def require_enough(images: ImageSet, location: str, skipped: Sequence[SkippedImage] = ()) -> None:
    """Raise RunnerError where there is nothing to cluster, with the first reason."""
    if len(images) >= FEWEST_IMAGES:
        return
    reasons = f"; {len(skipped)} were skipped, the first: {skipped[0].path}: {skipped[0].reason}" if skipped else ""
    usable = "no image" if not len(images) else "one image only"
    raise RunnerError(f"{location} gives {usable} to cluster, and clustering needs at least {FEWEST_IMAGES}{reasons}")


def _folder_labels(wishes: SourceWishes) -> bool:
    if wishes.labels not in (None, "folder"):
        raise UsageError(f"--labels {wishes.labels} is unknown; use --labels folder, or leave it out")
    return wishes.labels == "folder"


def sampled(images: ImageSet, wishes: SourceWishes) -> tuple[ImageSet, tuple[str, ...]]:
    """The sample that is wished for, targets and pairs in any case, and the ids of the targets."""
    targets = resolve_targets(images, wishes.targets)
    if wishes.sample is None:
        return images, targets
    paired = set(pair_ids(wishes.pairs, images)) if wishes.pairs is not None else set()
    return sample_images(images, wishes.sample, wishes.seed, set(targets) | paired), targets
