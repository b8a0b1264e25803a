"""What determines an embedding, and the key that names it."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

PREPROCESSING_VERSION = 1
"""Raised whenever decoding or preprocessing changes what a model sees; old vectors are then not reused."""

SMALLEST_SIDE, LARGEST_SIDE = 16, 8_192
"""Of the square input of a model in pixels; at the larger one a single image takes 800 MB."""


class Fit(StrEnum):
    """How a rectangular image is brought into the model's square input."""

    LETTERBOX = "letterbox"
    CENTER_CROP = "center_crop"
    RESIZE = "resize"


class Precision(StrEnum):
    """Number format of the forward pass and of the stored vectors' source."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    BFLOAT16 = "bfloat16"


@dataclass(frozen=True)
class EmbeddingConfig:
    """One way of turning an image into a vector, fully resolved.

    Attributes:
        model: architecture as users name it (``ViT-B-32``, ``timm/resnet50``, ``efficientnet_lite0``).
        weights: pretrained tag, or the absolute path of a local checkpoint.
        weights_fingerprint: hash of the weights' file or the revision at the hub.
        resolution: side of the square input, in pixels.
        fit: how the image is brought into that square.
        precision: number format of the forward pass.
    """

    model: str
    weights: str
    weights_fingerprint: str
    resolution: int
    fit: Fit
    precision: Precision = Precision.FLOAT32

    @property
    def name(self) -> str:
        """What ``--models`` takes to get this model with these weights."""
        if self.model.startswith("local-dir:"):
            return self.weights
        return self.model if self.model.startswith("hf-hub:") else f"{self.model}:{self.weights}"

    @property
    def slug(self) -> str:
        """Short readable name, e.g. ``ViT-B-32-openai-224-letterbox``."""
        weights = Path(self.weights).stem if "/" in self.weights else self.weights
        parts = [self.model, weights, str(self.resolution), self.fit.value]
        if self.precision is not Precision.FLOAT32:
            parts.append(self.precision.value)
        return re.sub(r"[^A-Za-z0-9.-]+", "-", "-".join(part for part in parts if part)).replace("--", "-")

    @property
    def key(self) -> str:
        """The embedding key: the slug and a hash of everything that changes the vector."""
        identity = {**asdict(self), "preprocessing": PREPROCESSING_VERSION}
        if "/" in self.weights:  # a checkpoint is known by its content, wherever the file lies
            identity["weights"] = "checkpoint"
        digest = hashlib.blake2b(json.dumps(identity, sort_keys=True).encode(), digest_size=6).hexdigest()
        return f"{self.slug}-{digest}"


@dataclass(frozen=True)
class Embedding:
    """The vectors of one image set under one embedding config.

    Attributes:
        key: the embedding key (``EmbeddingConfig.key``), or ``precomputed-<hash>`` for ready-made vectors.
        config: the config; None for ready-made vectors.
        vectors_path: ``.npy`` file, shape (n_images, dimension), float32, rows L2-normalised and
            aligned with the image set; to be memory-mapped.
        dimension: length of a vector.
    """

    key: str
    config: EmbeddingConfig | None
    vectors_path: Path
    dimension: int
