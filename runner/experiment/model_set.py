"""The models of an experiment; those that learn from its images are trained first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from runner.config.experiment import ExperimentConfig
from runner.embed.cache.embedding_cache import EmbeddingCache
from runner.embed.embedding_config import EmbeddingConfig
from runner.embed.families.autoencoder import MODEL, RECONSTRUCTIONS, read_record
from runner.embed.pipeline import EmbeddingPlan, plan_embeddings
from runner.embed.resolve_models import ResolvedModels, resolve_models
from runner.embed.training.train import TrainingOptions, train_autoencoder, wanted_autoencoders, with_checkpoints
from runner.images.image_set import ImageSet
from runner.results.summary import EmbeddingTraining


class ModelsOfImages:
    """Resolved when made, before anything runs; what has to be trained first joins when ``trained`` is called."""

    def __init__(self, config: ExperimentConfig, images: ImageSet) -> None:
        """Raises UsageError and RunnerError as ``resolve_models`` does."""
        self._config = config
        self._images = images
        self._wanted = wanted_autoencoders(
            config.models,
            config.resolutions,
            config.preprocess,
            config.autoencoder,
            config.seed,
            images,
            config.cache_dir,
        )
        self._resolved = self._resolve()

    def notes(self) -> tuple[str, ...]:
        """What was chosen for the user, and what is trained first, a sentence each."""
        todo = [each for each in self._wanted if not each.is_trained]
        training = (f"{each} is trained on the images first, {each.settings.epochs} epochs at most" for each in todo)
        return *self._resolved.notes, *training

    def plan(self, cache: EmbeddingCache, *, force: bool) -> list[EmbeddingPlan]:
        """What embedding will cost, training aside."""
        known = plan_embeddings(self._images, self._resolved.configs, cache, force=force)
        untrained = [EmbeddingPlan(str(each), 0, len(each.files)) for each in self._wanted if not each.is_trained]
        return [*known, *untrained]

    def trained(self, device: str, workers: int | None, say: Callable[[str], None]) -> tuple[EmbeddingConfig, ...]:
        """The embedding configs of all models, after training those that lack it."""
        todo = [each for each in self._wanted if not each.is_trained]
        for each in todo:
            train_autoencoder(each, TrainingOptions(device, workers, say))
        if todo:
            self._resolved = self._resolve()
        return self._resolved.configs

    def names(self) -> tuple[str, ...]:
        """What ``--models`` takes to get the very same models."""
        return tuple(dict.fromkeys(config.name for config in self._resolved.configs))

    def trainings(self) -> list[EmbeddingTraining]:
        """How the autoencoders among the models were trained, as far as there is a record of it."""
        records = {key: read_record(path) for key, path in self._checkpoints().items()}
        return [EmbeddingTraining(embedding=key, record=record) for key, record in records.items() if record]

    def reconstructions(self) -> dict[str, Path]:
        """Originals above reconstructions, a picture by embedding key."""
        sheets = {key: path.parent / RECONSTRUCTIONS for key, path in self._checkpoints().items()}
        return {key: sheet for key, sheet in sheets.items() if sheet.exists()}

    def _checkpoints(self) -> dict[str, Path]:
        return {config.key: Path(config.weights) for config in self._resolved.configs if config.model == MODEL}

    def _resolve(self) -> ResolvedModels:
        config = self._config
        names = with_checkpoints(config.models, self._wanted)
        return resolve_models(names, config.resolutions, config.preprocess, config.precision, config.cache_dir)
