"""A finished experiment opened again: its images, labels, vectors and geometry, made anew only where they are gone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from runner.cluster.geometry import Geometry, build_geometry
from runner.cluster.spaces import Space
from runner.config.experiment import ExperimentConfig
from runner.config.file import load_config
from runner.embed.cache.embedding_cache import EmbeddingCache
from runner.embed.cache.matrix_files import find_matrix
from runner.embed.embedding_config import EmbeddingConfig
from runner.embed.import_vectors import take_vectors
from runner.embed.pipeline import EmbeddingRun, embed_images
from runner.embed.resolve_models import resolve_models
from runner.errors import RunnerError, UsageError
from runner.images.folders import path_in
from runner.images.image_set import ImageSet
from runner.images.precomputed import load_precomputed
from runner.images.same_file import with_names_joined
from runner.images.source import SourceWishes
from runner.results.files import read_labels, read_paths, read_summary
from runner.results.paths import CONFIG, SUMMARY, WORK
from runner.results.summary import Summary, TrialRecord


@dataclass(frozen=True)
class FinishedExperiment:
    """Handle on a results folder.

    Attributes:
        out: the results folder.
        summary: its ``summary.json``.
        config: its settings, everything spelled out.
        images: the images that were clustered, in the order of all rows.
        rows: for each of them, its row in the result files, which have one for every name of its file.
    """

    out: Path
    summary: Summary
    config: ExperimentConfig
    images: ImageSet
    rows: tuple[int, ...]

    def trial(self, rank: int) -> TrialRecord:
        """The trial in place ``rank`` of the ranking, 1 being the best; UsageError if there is none."""
        ranking = self.summary.ranking
        if not 1 <= rank <= len(ranking):
            raise UsageError(f"--rank {rank}: {self.out} has ranked trials 1 to {len(ranking)}")
        return self.summary.trial(ranking[rank - 1])

    def labels(self, trial_id: str) -> np.ndarray:
        """Labels of a trial that is done, int32, shape (n_images,)."""
        return read_labels(self.out, trial_id)[list(self.rows)]

    def embedding_key(self, wanted: str | None = None) -> str:
        """The key of an embedding.

        Args:
            wanted: a key or a part that only one key has; None means the best trial's.

        Raises:
            UsageError: no key, or more than one, has that part.
        """
        keys = [record.key for record in self.summary.embeddings]
        if wanted is None:
            return self.trial(1).embedding if self.summary.ranking else keys[0]
        found = [key for key in keys if key == wanted] or [key for key in keys if wanted in key]
        if len(found) != 1:
            which = "fits several of" if found else "is none of"
            raise UsageError(f"--embedding {wanted} {which} the embeddings in {self.out}: {', '.join(keys)}")
        return found[0]

    def embedding_config(self, key: str) -> EmbeddingConfig | None:
        """How the vectors under ``key`` are computed; None for ready-made ones."""
        return self._configs.get(key)

    def vectors_path(self, key: str) -> Path:
        """``.npy`` file of an embedding's vectors: float32, shape (n_images, dimension), L2-normalised.

        Where it is gone it comes from the embedding cache again.

        Raises:
            RunnerError: image files have gone or changed since.
        """
        path = find_matrix(self.out / WORK, key, len(self.images))
        if path is not None:
            return path
        run = self._embed_again(key)
        if run.images.ids != self.images.ids:
            gone = sorted(set(self.images.ids) - set(run.images.ids))
            raise RunnerError(
                f"{len(gone)} images of {self.out} can't be read any more, such as {gone[0]}; run the experiment again"
            )
        return run.embeddings[0].vectors_path

    def vectors(self, key: str) -> np.ndarray:
        """The same, memory-mapped."""
        return np.load(self.vectors_path(key), mmap_mode="r", allow_pickle=False)

    def geometry(self, key: str) -> Geometry:
        """Neighbours and tree of an embedding; computed where they are gone or damaged."""
        path = self.vectors_path(key)
        seed = self.summary.experiment.seed
        return build_geometry(
            path.with_suffix("") / f"none-{seed}",
            Space.parse("none"),
            path,
            base=None,
            min_samples=1,
            seed=seed,
            exact_up_to=self.config.exact_up_to,
        )

    @cached_property
    def _configs(self) -> dict[str, EmbeddingConfig]:
        if self.config.embeddings is not None:  # ready-made vectors
            return {}
        config = self.config
        resolved = resolve_models(
            config.models, config.resolutions, config.preprocess, config.precision, config.cache_dir
        )
        return {each.key: each for each in resolved.configs}

    def _embed_again(self, key: str) -> EmbeddingRun:
        config, folder = self.config, self.out / WORK
        if config.embeddings is not None:
            found = load_precomputed(config.embeddings.expanduser(), config.paths)
            run = take_vectors(found.vectors_path, found.images.rows_of(self.images.ids), self.images, folder)
            if run.embeddings[0].key != key:
                raise RunnerError(
                    f"{config.embeddings} has changed since {self.out} was made; run the experiment again"
                )
            return run
        embedding = self.embedding_config(key)
        if embedding is None:
            raise RunnerError(
                f"the model of {key} is no longer what it was when {self.out} was made; run the experiment again"
            )
        cache = EmbeddingCache(config.cache_dir)
        return embed_images(
            self.images, [embedding], cache=cache, out_dir=folder, device=config.device, batch_size=config.batch_size
        )


def open_experiment(out: Path, images: ImageSet | None = None) -> FinishedExperiment:
    """Open a results folder.

    Args:
        out: the results folder.
        images: its images, where they can't be known from the folder: those of a FiftyOne dataset, whose ids are
            sample ids. Order and number do not matter, as long as all of them are there.

    Raises:
        RunnerError: it is not a results folder, or its files are damaged.
    """
    out = out.expanduser()
    summary = read_summary(out)
    config = load_config({}, file=out / CONFIG)
    by_name = _images(out, summary, config, read_paths(out), images)
    files = with_names_joined(by_name, summary.images.same_file)
    return FinishedExperiment(out, summary, config, files, tuple(by_name.rows_of(files.ids)))


def _images(
    out: Path, summary: Summary, config: ExperimentConfig, ids: tuple[str, ...], given: ImageSet | None
) -> ImageSet:
    """The images, a row for each of their names."""
    if given is not None:
        given = given.by_name()
        known = set(given.ids)
        missing = [image_id for image_id in ids if image_id not in known]
        if missing:
            raise RunnerError(f"{len(missing)} images of {out} are not among those given, such as {missing[0]}")
        return given.subset(given.rows_of(ids))
    if summary.images.root is not None:
        root = Path(summary.images.root)
        return ImageSet(ids, tuple(root / image_id for image_id in ids), root)
    if summary.images.roots:
        roots = {name: Path(folder) for name, folder in summary.images.roots.items()}
        try:
            return ImageSet(ids, tuple(path_in(roots, image_id) for image_id in ids), roots=roots)
        except KeyError as error:
            raise RunnerError(
                f"{out / SUMMARY} does not say which folder {error} is; run the experiment again"
            ) from error
    if config.dataset is not None:
        from runner.integrations.fiftyone.dataset_source import open_dataset

        return _images(out, summary, config, ids, open_dataset(config.dataset, SourceWishes(), ids).images)
    if config.embeddings is None:
        return ImageSet(ids, ())
    return _images(out, summary, config, ids, load_precomputed(config.embeddings.expanduser(), config.paths).images)
