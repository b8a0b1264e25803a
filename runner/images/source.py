"""From what the user names to the images of an experiment: found, labelled, sampled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.errors import RunnerError, UsageError
from runner.images.folder import scan_folder
from runner.images.image_set import ImageSet, SkippedImage
from runner.images.names import resolve_targets
from runner.images.pairs import pair_ids
from runner.images.precomputed import load_precomputed
from runner.images.sample import sample_images

FEWEST_IMAGES = 2


@dataclass(frozen=True)
class Source:
    """The images of an experiment, before any is opened.

    Attributes:
        name: short name, e.g. the folder's.
        location: where they come from, for people.
        images: after sampling.
        skipped: files that can't be taken.
        targets: ids of images of special interest, all of them in ``images``.
        total: images before sampling.
        vectors_path: ready-made vectors, one row per image before sampling; None where images are to be embedded.
        rows: row of each image in ``vectors_path``.
        note: something worth telling the user; empty if there is nothing.
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


def open_folder(
    folder: Path,
    *,
    labels: str | None,
    targets: Sequence[Path],
    pairs: Path | None,
    sample: int | float | None,
    seed: int,
) -> Source:
    """The images of a folder.

    Raises:
        RunnerError: no such folder, no image in it, or a target that is none of them.
        UsageError: labels other than ``folder``.
    """
    scan = scan_folder(folder.expanduser(), labels=_folder_labels(labels))
    images, target_ids = _sampled(scan.images, targets, pairs, sample, seed)
    name = folder.expanduser().resolve().name or "images"
    return Source(name, str(folder), images, scan.skipped, target_ids, len(scan.images))


def open_vectors(
    embeddings: Path,
    paths: Path | None,
    *,
    labels: str | None,
    targets: Sequence[Path],
    pairs: Path | None,
    sample: int | float | None,
    seed: int,
) -> Source:
    """Ready-made vectors and the images they belong to; errors as for ``open_folder``."""
    found = load_precomputed(embeddings, paths, labels=_folder_labels(labels))
    images, target_ids = _sampled(found.images, targets, pairs, sample, seed)
    row_of = {image_id: row for row, image_id in enumerate(found.images.ids)}
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
        targets=target_ids,
        total=len(found.images),
        vectors_path=found.vectors_path,
        rows=tuple(row_of[image_id] for image_id in images.ids),
        note="; ".join(notes),
    )


def require_enough(images: ImageSet, location: str, skipped: Sequence[SkippedImage] = ()) -> None:
    """Raise RunnerError where there is nothing to cluster, with the first reason."""
    if len(images) >= FEWEST_IMAGES:
        return
    reasons = f"; {len(skipped)} were skipped, the first: {skipped[0].path}: {skipped[0].reason}" if skipped else ""
    usable = "no image" if not len(images) else "one image only"
    raise RunnerError(f"{location} gives {usable} to cluster, and clustering needs at least {FEWEST_IMAGES}{reasons}")


def _folder_labels(labels: str | None) -> bool:
    if labels not in (None, "folder"):
        raise UsageError(f"--labels {labels}: fields are known for --dataset only; use --labels folder here")
    return labels == "folder"


def _sampled(
    images: ImageSet, targets: Sequence[Path], pairs: Path | None, sample: int | float | None, seed: int
) -> tuple[ImageSet, tuple[str, ...]]:
    target_ids = resolve_targets(images, targets)
    if sample is None:
        return images, target_ids
    always = set(target_ids) | (set(pair_ids(pairs, images)) if pairs is not None else set())
    return sample_images(images, sample, seed, always), target_ids
