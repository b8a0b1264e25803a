"""A loaded model: pixels in, vectors out."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch

from runner.embed.architectures import Preprocessing
from runner.embed.batch_memory import fitting_batch
from runner.embed.device import autocast, release_memory, require_precision
from runner.embed.embedding_config import Precision
from runner.embed.families.registry import family_of
from runner.embed.preprocess import normalize
from runner.embed.recipe import ModelRecipe
from runner.errors import RunnerError
from runner.utils.machine import free_memory
from runner.utils.memory import is_out_of_memory

Say = Callable[[str], None]


class Encoder:
    """One set of weights, for all the resolutions that it is wanted in.

    Out of memory halves the batch and goes on; when a single image does not fit, everything moves to the CPU. There
    the batch is planned by the memory that is free, as a system that runs out of it may end the process without a word.
    """

    def __init__(
        self,
        networks: Mapping[int, torch.nn.Module],
        preprocessing: Preprocessing,
        device: torch.device,
        precision: Precision,
        *,
        name: str = "the model",
        say: Say = lambda line: None,
    ) -> None:
        """
        Args:
            networks: by resolution; each maps float32 (n, 3, resolution, resolution) to (n, dimension). They may share
                parameters.
            preprocessing: the pixel values that they take.
            device: where to run.
            precision: number format of the matrix products.
            name: what to call the model in messages.
            say: told when memory runs out.

        Raises:
            RunnerError: the device can't compute in ``precision``.
        """
        require_precision(device, precision)
        self.device = device
        self._networks = dict(networks)
        self._preprocessing = preprocessing
        self._precision = precision
        self._name = name
        self._say = say
        self._largest_batch: dict[int, int] = {}
        try:
            self._place()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error) or device.type == "cpu":
                raise
            self._move_to_cpu(f"{device} has no memory for the weights of {name}, which goes on on the CPU")

    def encode(self, batch: torch.Tensor) -> np.ndarray:
        """The vectors of images, not normalised.

        Args:
            batch: uint8, shape (n, 3, resolution, resolution), as from ``to_batch``; on the CPU.

        Returns:
            float32, shape (n, dimension).

        Raises:
            RunnerError: not even the CPU has the memory for a single image.
        """
        resolution = batch.shape[-1]
        if self.device.type == "cpu" and resolution not in self._largest_batch:
            self._plan(batch)
        vectors: list[np.ndarray] = []
        done = 0
        while done < len(batch):
            part = batch[done : done + self._largest_batch.get(resolution, len(batch))]
            encoded = self._try_forward(part)
            if encoded is None:
                self._back_off(resolution, len(part))
            else:
                vectors.append(encoded)
                done += len(part)
        return np.concatenate(vectors)

    def _plan(self, batch: torch.Tensor) -> None:
        """Settle how many images go through the network at once."""
        resolution, size = batch.shape[-1], len(batch)
        pixels = normalize(batch[:1], self._preprocessing.mean, self._preprocessing.std)
        try:
            fitting = fitting_batch(self._networks[resolution], pixels, free_memory())
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            fitting = 0
        self._largest_batch[resolution] = max(1, fitting)
        if fitting < size:
            self._say(f"there is little memory: {self._name} at {resolution} px runs in batches of {max(1, fitting)}")

    def _try_forward(self, batch: torch.Tensor) -> np.ndarray | None:
        """The vectors, or None if the memory does not suffice; what was allocated is free again on return."""
        try:
            with torch.inference_mode(), autocast(self.device, self._precision):
                pixels = normalize(batch.to(self.device), self._preprocessing.mean, self._preprocessing.std)
                if self.device.type == "mps":
                    pixels = pixels.contiguous()
                return self._networks[batch.shape[-1]](pixels).float().cpu().numpy()
        except (RuntimeError, MemoryError) as error:
            if is_out_of_memory(error):
                return None
            raise

    def _back_off(self, resolution: int, size: int) -> None:
        release_memory(self.device)
        if size > 1:
            self._largest_batch[resolution] = size // 2
            self._say(f"{self.device} is out of memory: {self._name} goes on with batches of {size // 2}")
            return
        if self.device.type == "cpu":
            raise RunnerError(
                f"there is not enough memory for {self._name} at {resolution} px; use a smaller model or size"
            )
        self._move_to_cpu(f"{self.device} has no memory for a single image: {self._name} goes on on the CPU")

    def _move_to_cpu(self, why: str) -> None:
        self._say(why)
        before, self.device = self.device, torch.device("cpu")
        self._place()
        self._largest_batch.clear()
        release_memory(before)

    def _place(self) -> None:
        """Move the networks to the device. Convolutions are fastest there if a pixel's channels lie side by side."""
        layout = torch.preserve_format if self.device.type == "mps" else torch.channels_last
        for network in self._networks.values():
            network.to(self.device).to(memory_format=layout)


def load_encoder(
    recipe: ModelRecipe,
    resolutions: list[int],
    device: torch.device,
    precision: Precision,
    say: Say = lambda line: None,
) -> Encoder:
    """The model of ``recipe`` for all ``resolutions``, its weights in memory once.

    Raises:
        RunnerError: the weights can't be read or belong to another network, or the device can't take the precision.
    """
    built = family_of(recipe).networks
    network = built.load(recipe).requires_grad_(False)
    networks = {resolution: built.resized(recipe, network, resolution) for resolution in resolutions}
    return Encoder(networks, recipe.preprocessing, device, precision, name=recipe.name, say=say)
