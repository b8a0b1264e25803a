"""The training loop: early stopping on a validation part, smaller parts of a batch when memory runs out."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from runner.embed.device import release_memory
from runner.embed.families.autoencoder import PREPROCESSING, EpochRecord
from runner.embed.families.autoencoder_network import Autoencoder
from runner.embed.preprocess import normalize, to_batch
from runner.embed.training.config import AutoencoderSettings
from runner.embed.training.losses import ReconstructionLoss
from runner.errors import RunnerError
from runner.utils.memory import is_out_of_memory


@dataclass(frozen=True)
class Parts:
    """Rows of the images that are trained on, and of those that are only looked at."""

    training: np.ndarray
    validation: np.ndarray


def split(n: int, validation_share: float, seed: int) -> Parts:
    """Divide ``n`` ≥ 2 rows with ``seed``; each part gets one at least."""
    order = np.random.default_rng(seed).permutation(n)
    validation = min(n - 1, max(1, round(validation_share * n)))
    return Parts(order[validation:], order[:validation])


class Training:
    """Trains ``network`` in place; afterwards it is as it was in its best epoch."""

    def __init__(
        self,
        network: Autoencoder,
        loss: ReconstructionLoss,
        settings: AutoencoderSettings,
        device: torch.device,
        seed: int,
        say: Callable[[str], None],
    ) -> None:
        self._network = network.to(device)
        self._loss = loss
        self._settings = settings
        self._device = device
        self._random = np.random.default_rng([seed, 1])
        self._say = say
        self._part = settings.batch_size
        self._optimizer = torch.optim.AdamW(network.parameters(), lr=settings.learning_rate)

    def run(self, pixels: np.ndarray, parts: Parts, done: Callable[[int], object]) -> list[EpochRecord]:
        """Train until the validation loss gets no better.

        Args:
            pixels: uint8, shape (n, s, s, 3).
            parts: rows of ``pixels``.
            done: told after each step how many images went through.

        Returns:
            the losses of each epoch.

        Raises:
            RunnerError: the loss is no number any more, or there is no memory for a single image.
        """
        epochs: list[EpochRecord] = []
        best, best_state = math.inf, copy.deepcopy(self._network.state_dict())
        without_gain = 0
        while len(epochs) < self._settings.epochs and without_gain < self._settings.patience:
            order = self._random.permutation(parts.training)
            losses = EpochRecord(
                training=self._epoch(pixels, order, done, learn=True),
                validation=self._epoch(pixels, parts.validation, done, learn=False),
            )
            if not math.isfinite(losses.training + losses.validation):
                raise RunnerError(
                    f"the autoencoder's training went astray in epoch {len(epochs) + 1} (its loss is no number any "
                    f"more); use --set autoencoder.learning_rate below {self._settings.learning_rate:g}"
                )
            epochs.append(losses)
            without_gain += 1
            if losses.validation < best:
                best, without_gain = losses.validation, 0
                best_state = copy.deepcopy(self._network.state_dict())
        self._network.load_state_dict(best_state)
        return epochs

    def _epoch(self, pixels: np.ndarray, rows: np.ndarray, done: Callable[[int], object], *, learn: bool) -> float:
        """Mean loss over ``rows``, after each step if there is learning."""
        self._network.train(learn)
        total = 0.0
        for start in range(0, len(rows), self._settings.batch_size):
            batch = np.sort(rows[start : start + self._settings.batch_size])  # in the order of the file
            total += self._step(pixels, batch, learn) * len(batch)
            done(len(batch))
        return total / len(rows)

    def _step(self, pixels: np.ndarray, rows: np.ndarray, learn: bool) -> float:
        """Mean loss of one batch; where the memory does not suffice, it is computed in parts."""
        while True:
            try:
                return self._try_step(pixels, rows, learn)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
            if self._part == 1:
                raise RunnerError(
                    f"{self._device} has no memory to train an autoencoder on a single image; use smaller --resolutions"
                )
            self._part = max(1, min(self._part, len(rows)) // 2)
            self._optimizer.zero_grad()
            release_memory(self._device)
            self._say(f"{self._device} is out of memory: the training goes on with {self._part} images at a time")

    def _try_step(self, pixels: np.ndarray, rows: np.ndarray, learn: bool) -> float:
        total = 0.0
        with torch.set_grad_enabled(learn):
            for start in range(0, len(rows), self._part):
                part = rows[start : start + self._part]
                images = as_input(pixels[part], self._device)
                loss = self._loss(images, self._network(images)) * (len(part) / len(rows))
                if learn:
                    loss.backward()
                total += float(loss.detach())
        if learn:
            self._optimizer.step()
            self._optimizer.zero_grad()
        return total


def as_input(pixels: np.ndarray, device: torch.device) -> torch.Tensor:
    """uint8 (n, s, s, 3) as the network takes it: float32 (n, 3, s, s), -1 … 1."""
    return normalize(to_batch(list(pixels)).to(device), PREPROCESSING.mean, PREPROCESSING.std)


def as_pixels(images: torch.Tensor) -> np.ndarray:
    """The way back: float32 (n, 3, s, s), -1 … 1, as uint8 (n, s, s, 3)."""
    return ((images.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
