"""All that is needed to build a model and to feed it, known without loading it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from runner.embed.architectures import Architecture, Preprocessing
from runner.embed.embedding_config import EmbeddingConfig, Fit, Precision
from runner.embed.preprocess import View

BUNDLED_MODEL = "efficientnet_lite0"
"""The model whose trained weights are installed with this package and need no download."""

BUNDLED_WEIGHTS = "imagenet"

TIMM_PREFIX = "timm/"
"""What stands before timm's names."""


@dataclass(frozen=True)
class ModelRecipe:
    """A model with its weights.

    Attributes:
        model: the model as ``EmbeddingConfig.model`` names it.
        weights: the weights as ``EmbeddingConfig.weights`` names them.
        architecture: what is built.
        preprocessing: the pixel values it is fed.
        resolution: side of the input that the weights were trained for.
        quick_gelu: whether open_clip's own networks use QuickGELU.
        weights_file: where the weights are; None for random ones.
        content_hash: hash of that file.
        seed: what random weights are drawn with; None if there is a file.
        model_config: ``model_cfg`` of the ``open_clip_config.json`` that describes the network; None if the
            architecture's name does.
        trained_size: side of the input that a checkpoint's position embeddings are for, where that is not the
            architecture's.
        fixed_windows: whether windows of attention keep their size in images of another one: someone's own checkpoint
            may have been trained so, and its shapes don't tell.
        trained_fit: the one fit, as the one resolution, that the weights are used in; None if they take any.
        notes: what users should know of choices that were made for them, a sentence each.
    """

    model: str
    weights: str
    architecture: Architecture
    preprocessing: Preprocessing
    resolution: int
    quick_gelu: bool = False
    weights_file: Path | None = None
    content_hash: str = ""
    seed: int | None = None
    model_config: dict[str, Any] | None = None
    trained_size: int | None = None
    fixed_windows: bool = False
    trained_fit: Fit | None = None
    notes: tuple[str, ...] = field(default=(), compare=False)

    @property
    def name(self) -> str:
        """How the model is named on the command line."""
        return f"{self.model}:{self.weights}"

    @property
    def fingerprint(self) -> str:
        """Hash of everything about the model that changes a vector: the weights' bytes and how they are used."""
        identity: dict[str, object] = {
            "weights": self.content_hash or f"random, seed {self.seed}",
            "network": self.model_config or [self.architecture.library, self.architecture.name],
            "quick_gelu": self.quick_gelu,
            "preprocessing": asdict(self.preprocessing),
        }
        if self.trained_size is not None:
            identity["trained_size"] = self.trained_size
        return hashlib.blake2b(json.dumps(identity, sort_keys=True).encode(), digest_size=16).hexdigest()

    def fingerprint_at(self, resolution: int) -> str:
        """The same for one size of input."""
        if not self.fixed_windows or resolution == self.resolution:
            return self.fingerprint
        return hashlib.blake2b(f"{self.fingerprint}, fixed windows".encode(), digest_size=16).hexdigest()

    def config(self, resolution: int, fit: Fit, precision: Precision) -> EmbeddingConfig:
        """The embedding config of this model for one way of showing it an image."""
        fingerprint = self.fingerprint_at(resolution)
        return EmbeddingConfig(self.model, self.weights, fingerprint, resolution, fit, precision)

    def view(self, config: EmbeddingConfig) -> View:
        """What the model is shown of an image under ``config``."""
        return View(config.resolution, config.fit, self.preprocessing.interpolation)
