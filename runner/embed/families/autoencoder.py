"""A trained autoencoder on disk: tensors and what is known of their training, in a folder of its own.

<latent>-<loss>.safetensors    all tensors; its header says latent, resolution and fit. Written last.
training.json                  the training's record, with the hash of the tensors' file
reconstructions.png            originals above reconstructions, from the validation part
"""

from __future__ import annotations

import contextlib
import json
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runner.embed.architectures import Architecture, Library, Preprocessing
from runner.embed.embedding_config import LARGEST_SIDE, SMALLEST_SIDE, Fit
from runner.embed.families.base import KnownModel, ModelFamily
from runner.embed.recipe import ModelRecipe
from runner.errors import RunnerError
from runner.images.content_hash import hash_file
from runner.utils.atomic import replaced_atomically
from runner.utils.checked_files import is_sound, write_checked

if TYPE_CHECKING:
    from runner.embed.families.autoencoder_network import Autoencoder

MODEL = "autoencoder"
RECORD = "training.json"
RECONSTRUCTIONS = "reconstructions.png"

RESOLUTION = 64
"""Side of the images in pixels where no resolution is asked for: minutes for a thousand images on two cores."""

PREPROCESSING = Preprocessing((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
"""Pixels from -1 to 1, in training, when embedding, and as the decoder gives them."""

_LONGEST_HEADER = 1 << 24


class AutoencoderShape(BaseModel):
    """What the tensors are made for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    latent: int = Field(ge=1, le=65_536)
    resolution: int = Field(ge=SMALLEST_SIDE, le=LARGEST_SIDE)
    fit: Fit


class EpochRecord(BaseModel):
    """Mean loss of an epoch over each part of the images."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    training: float
    validation: float


class TrainingRecord(BaseModel):
    """What came of a training; ``finished_at`` is milliseconds since the epoch, ``best_epoch`` counts from 1.

    ``checkpoint_hash`` is the content hash of the checkpoint's file; empty where none was taken.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    loss: str
    training_images: int
    validation_images: int
    epochs: list[EpochRecord]
    best_epoch: int
    seconds: float
    finished_at: int
    checkpoint_hash: str = ""

    @property
    def best_loss(self) -> float:
        """The validation loss of the epoch that was kept."""
        return self.epochs[self.best_epoch - 1].validation


def autoencoders_folder(cache_dir: Path) -> Path:
    """Where the trained ones are kept, each in a folder named by what it was trained on and how."""
    return cache_dir.expanduser().absolute() / "models" / "autoencoders"


def save_autoencoder(
    network: Autoencoder, shape: AutoencoderShape, path: Path, record: TrainingRecord | None = None
) -> None:
    """Write all tensors of ``network``; the file is whole or not there. Its record, with its hash, is there before."""
    from safetensors.torch import save_file

    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    with replaced_atomically(path) as temporary:
        save_file(tensors, temporary, metadata={MODEL: shape.model_dump_json()})
        if record is not None:
            known = record.model_copy(update={"checkpoint_hash": hash_file(temporary)})
            write_checked(path.parent / RECORD, known.model_dump_json(indent=1).encode())


def load_autoencoder(path: Path) -> Autoencoder:
    """The network with the tensors of ``path``, on the CPU.

    Raises:
        RunnerError: the file is damaged or no autoencoder of ours.
    """
    if is_damaged(path):
        raise RunnerError(f"the checkpoint {path} is damaged; `runner cache prune` deletes it, then train it again")
    from runner.embed.families.autoencoder_network import Autoencoder
    from runner.embed.weights.shared_weights import build_empty
    from runner.embed.weights.state_dict import load_into, read_state_dict

    shape = read_shape(path)
    network = build_empty(lambda: Autoencoder(shape.latent, shape.resolution))
    load_into(network, read_state_dict(path), path, MODEL)
    assert isinstance(network, Autoencoder)
    return network.eval()


def read_shape(path: Path) -> AutoencoderShape:
    """What the header of ``path`` says, without loading it or importing torch; errors as ``load_autoencoder``."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(length)) if length <= _LONGEST_HEADER else {}
        if not isinstance(header, dict):
            raise ValueError("the header is no JSON object")
        return AutoencoderShape.model_validate_json(header["__metadata__"][MODEL])
    except OSError as error:
        raise RunnerError(f"the checkpoint {path} can't be read ({error.strerror or error})") from error
    except (struct.error, ValueError, KeyError, TypeError, RecursionError, ValidationError) as error:
        raise RunnerError(f"{path} is no autoencoder that this program has trained; train it again") from error


def read_record(checkpoint: Path) -> TrainingRecord | None:
    """How the checkpoint was trained; None where it lies without its record."""
    try:
        return TrainingRecord.model_validate_json((checkpoint.parent / RECORD).read_bytes())
    except (OSError, ValidationError):
        return None


def is_damaged(checkpoint: Path) -> bool:
    """Whether the file is not the one that its record speaks of; False where there is no record of its hash."""
    record = read_record(checkpoint)
    try:
        return record is not None and record.checkpoint_hash not in ("", hash_file(checkpoint))
    except OSError:
        return True


def is_complete(checkpoint: Path) -> bool:
    """Whether checkpoint, record and reconstructions are there, and none of them damaged."""
    sheet = checkpoint.parent / RECONSTRUCTIONS
    has_record = is_sound(checkpoint.parent / RECORD, lambda path: read_record(checkpoint) is not None)
    return has_record and checkpoint.exists() and not is_damaged(checkpoint) and is_sound(sheet, _is_picture)


def _is_picture(path: Path) -> bool:
    from PIL import Image

    try:
        with Image.open(path) as image:
            image.load()
    except (OSError, ValueError, SyntaxError):
        return False
    return True


def mark_used(checkpoint: Path, cache_dir: Path) -> None:
    """Let the folder's time say when a checkpoint that the cache keeps was last asked for."""
    if checkpoint.parent.parent == autoencoders_folder(cache_dir):
        with contextlib.suppress(OSError):  # of a cache that is only read
            os.utime(checkpoint.parent)


def autoencoder_recipe(path: Path) -> ModelRecipe:
    """The recipe of ``autoencoder:/path/to/checkpoint``, used in the size and fit that it was trained in."""
    shape = read_shape(path)
    architecture = Architecture(MODEL, Library.AUTOENCODER, shape.resolution, PREPROCESSING, any_resolution=False)
    return ModelRecipe(
        MODEL, str(path), architecture, PREPROCESSING, shape.resolution, weights_file=path, trained_fit=shape.fit
    )


class AutoencoderFamily(ModelFamily):
    """The encoding halves of autoencoders that were trained on someone's own images."""

    library = Library.AUTOENCODER
    network_module = "runner.embed.families.autoencoder_encoder"

    def known_models(self, cache_dir: Path) -> Iterator[KnownModel]:
        yield KnownModel(f"{MODEL}:256", RESOLUTION, "trained on your images", True)
