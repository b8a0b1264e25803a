"""Clusters of a finished experiment, brought into folders or into the files of other tools."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from runner.errors import RunnerError, UsageError
from runner.experiment.results import FinishedExperiment, open_experiment
from runner.export.checks import STAGING, check_destination, check_room, source_fault
from runner.export.config import WITHOUT_IMAGES, ExportConfig, How
from runner.export.data import ExportData, ExportedImage, exported_images
from runner.export.formats import WRITERS
from runner.export.manifest import Document, Manifest, PlacedImage, root_of, undo_command, write_manifest
from runner.export.place import lies_within, place
from runner.export.selection import ExportedCluster, Selection, select_clusters
from runner.images.content_hash import hash_file
from runner.images.image_list import files_outside
from runner.images.image_set import SkippedImage
from runner.images.lookup import leads_out
from runner.results.summary import TrialRecord
from runner.score.cluster_statistics import cluster_facts
from runner.utils.atomic import sync_folder
from runner.utils.progress import progress_bar
from runner.utils.text_files import read_json


@dataclass(frozen=True)
class Exported:
    """What an export did, or with ``dry_run`` would do.

    Attributes:
        config: what was asked for.
        trial: whose clusters they are.
        clusters: the clusters, by number, then ``unique`` and ``noise``.
        images: all images, with their places.
        documents: files that the format adds; unknown before they are written.
        size: bytes of the images that get a place.
        skipped: images that have gone or can't be exported in this way.
        known: whether ``undo_export`` will know the manifest as ours; not where the user's data folder is read-only.
    """

    config: ExportConfig
    trial: TrialRecord
    clusters: tuple[ExportedCluster, ...]
    images: tuple[ExportedImage, ...]
    documents: tuple[str, ...]
    size: int
    skipped: tuple[SkippedImage, ...]
    known: bool = True


def export_clusters(
    config: ExportConfig,
    *,
    names: Mapping[int, str] | None = None,
    finished: FinishedExperiment | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Exported:
    """Export the clusters of one trial.

    What will be done is on the disk before it is begun, so that ``undo_export`` restores everything from any point.

    Args:
        config: all settings.
        names: names of clusters, by number; those in ``config.names`` win.
        finished: the experiment in ``config.results``, if it is open already.
        progress: told how many images are placed, and of how many; None shows a bar on stderr.

    Raises:
        UsageError: no such rank.
        RunnerError: something stands against it; before the first file is touched, if that could be known.
    """
    finished = finished or open_experiment(config.results)
    trial = finished.trial(config.rank)
    to = config.to.expanduser()
    how = None if config.format in WITHOUT_IMAGES else config.how or How.COPY
    check_destination(to, finished.config.folders, how)
    labels = finished.labels(trial.id)
    wanted = Selection(config.min_size, config.per_cluster, config.choose, config.seed)
    given = {**(names or {}), **_read_names(config.names)}
    facts = cluster_facts(labels, finished.vectors(trial.embedding))
    unknown = sorted(set(given) - set(range(facts.n_clusters)))
    if unknown:
        raise UsageError(f"there is no cluster {unknown[0]} to name; clusters are numbered 0 to {facts.n_clusters - 1}")
    clusters = select_clusters(facts, wanted, given, noise_is_unique=trial.algorithm == "threshold")
    images = exported_images(finished, clusters, labels)
    placed: list[PlacedImage] = []
    skipped: list[SkippedImage] = []
    if how is not None:
        images, placed, skipped = _placed(images, finished, config, how)
        check_room(to, placed, how)
    if not images:
        raise RunnerError(f"nothing to export: {_reason(config, skipped)}")
    data = ExportData(finished, trial, clusters, images)
    documents, known = ((), True) if config.dry_run else _carry_out(to, how, data, placed, config, progress)
    size = sum(image.size for image in placed)
    return Exported(config, trial, tuple(clusters), tuple(images), documents, size, tuple(skipped), known)


def _reason(config: ExportConfig, skipped: Sequence[SkippedImage]) -> str:
    if skipped:
        return f"{skipped[0].path} {skipped[0].reason}"
    return f"no cluster has {config.min_size} images; lower --min-size"


def _read_names(path: Path | None) -> dict[int, str]:
    if path is None:
        return {}
    names = read_json(path, "--names")
    if not isinstance(names, dict) or not all(
        re.fullmatch(r"\d{1,9}", cluster, re.ASCII) and isinstance(name, str) for cluster, name in names.items()
    ):
        raise RunnerError(f'--names {path} must hold names by cluster number, such as {{"7": "birds"}}')
    return {int(cluster): name for cluster, name in names.items()}


def _placed(
    images: Sequence[ExportedImage], finished: FinishedExperiment, config: ExportConfig, how: How
) -> tuple[list[ExportedImage], list[PlacedImage], list[SkippedImage]]:
    """The images that can be exported with their places, and the others with what is wrong with them."""
    usable: list[ExportedImage] = []
    skipped: list[SkippedImage] = []
    taken: set[Path] = set()
    listed = finished.config.images_from
    outside = files_outside(listed) if how is How.MOVE and listed is not None else frozenset()
    for image in images:
        if image.path is None:
            raise RunnerError(f"the image files of {config.results} are not known; use --format csv or json")
        fault = source_fault(image.path, how)
        if fault is None and image.path in outside:
            fault = f"is named by {listed} from outside its folder, and such files are copied or linked, not moved"
        if fault is None and how is How.MOVE:
            fault = _fault_of_move(image, finished.images.folder_of(image.id), taken)
        if fault is not None:
            skipped.append(SkippedImage(image.id, fault))
            continue
        taken.add(image.path)
        usable.append(image)
    targets = WRITERS[config.format].targets
    assert targets is not None
    located = [
        replace(image, target=target)
        for image, target in zip(usable, targets(usable, finished.images.is_named), strict=True)
    ]
    placed = []
    for image in located:
        assert image.path is not None
        if how is How.MOVE:
            placed.append(PlacedImage.of_name(image.path.absolute(), image.target))
        else:  # links refer to the file itself
            placed.append(PlacedImage.of(image.path.resolve(), image.target))
    return located, placed, skipped


def _fault_of_move(image: ExportedImage, root: Path | None, taken: set[Path]) -> str | None:
    """Why an image that can be read can't be moved; None if it can.

    Raises:
        RunnerError: its name is that of a file outside the images' folder, from which nothing is ever taken.
    """
    assert image.path is not None
    if leads_out(image.id):
        raise RunnerError(
            f"--how move takes images out of the folder that they were found in, and the name {image.id!r} may lead to "
            "any other place; use --how copy"
        )
    if image.path in taken:
        return "is the same file as another image's, and can be moved only once"
    if root is not None and not lies_within(image.path, root):
        return f"lies outside of {root}, behind a link, and is not taken from there"
    return None


def _carry_out(
    to: Path,
    how: How | None,
    data: ExportData,
    placed: Sequence[PlacedImage],
    config: ExportConfig,
    progress: Callable[[int, int], None] | None,
) -> tuple[tuple[str, ...], bool]:
    """Write the documents aside, then the manifest, then do what it says; the documents' places, and whether an undo
    will know the manifest."""
    try:
        to.mkdir(parents=True, exist_ok=True)
        staging = to / STAGING
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir()
        write = WRITERS[config.format].write
        if write is not None:
            write(data, staging)
        documents = [Document(path.name, path.stat().st_size, hash_file(path)) for path in sorted(staging.iterdir())]
        folders = dict.fromkeys(PurePosixPath(image.target).parent.as_posix() for image in placed)
        manifest = Manifest(
            how or How.COPY,
            data.finished.summary.experiment.fingerprint,
            data.trial.id,
            tuple(folder for folder in folders if folder != "."),
            tuple(placed),
            tuple(documents),
            root_of(placed, data.finished.images.root),
        )
        known = write_manifest(to, manifest)
    except OSError as error:
        raise RunnerError(f"{to} can't be written ({error.strerror or error}); nothing was exported") from error
    _do(to, manifest, known, progress)
    return tuple(document.target for document in documents), known


def _do(to: Path, manifest: Manifest, known: bool, progress: Callable[[int, int], None] | None) -> None:
    done, total = 0, len(manifest.images)
    bar = progress_bar(total, "images", "image", disable=progress is not None)
    try:
        for folder in manifest.folders:
            (to / folder).mkdir()
        for document in manifest.documents:
            place(How.MOVE, to / STAGING / document.target, to / document.target)
        (to / STAGING).rmdir()
        for image in manifest.images:
            place(manifest.how, Path(image.source), to / image.target)
            done += 1
            bar.update()
            if progress is not None:
                progress(done, total)
        for folder in manifest.folders:
            sync_folder(to / folder)
    except (OSError, KeyboardInterrupt) as error:
        reason = getattr(error, "strerror", None) or str(error) or "interrupted"
        raise RunnerError(
            f"the export stopped after {done:,} of {total:,} images: {reason}; "
            f"`{undo_command(to, known)}` restores everything"
        ) from error
    finally:
        bar.close()
