"""The network: strided convolutions down to a vector, transposed ones back up to the image."""

from __future__ import annotations

import torch
from torch import nn

INNERMOST = 4
"""Side, in pixels, of the map of features that the vector is made from."""

_WIDTHS = (32, 64, 128)
"""Channels of the first stages; later ones have as many as the last."""

_GROUPS = 8
"""Groups of each normalisation. It is by groups and not by batches, so that the parts of a batch that is too large for
the memory train the same network as the whole."""


class Autoencoder(nn.Module):
    """``encoder`` gives the vector that embeds an image, ``decoder`` an image from a vector."""

    def __init__(self, latent: int, resolution: int) -> None:
        """
        Args:
            latent: length of the vector.
            resolution: side of the images in pixels, at least 16.
        """
        super().__init__()
        stages = max(1, (resolution // INNERMOST).bit_length() - 1)
        widths = [_WIDTHS[min(stage, len(_WIDTHS) - 1)] for stage in range(stages)]
        features = widths[-1] * INNERMOST**2
        down = [_down(before, after) for before, after in zip([3, *widths], widths, strict=False)]
        self.encoder = nn.Sequential(*down, nn.AdaptiveAvgPool2d(INNERMOST), nn.Flatten(), nn.Linear(features, latent))
        up = [_up(before, after) for before, after in zip(widths[::-1], widths[-2::-1], strict=False)]
        self.decoder = nn.Sequential(
            nn.Linear(latent, features),
            nn.Unflatten(1, (widths[-1], INNERMOST, INNERMOST)),
            *up,
            nn.ConvTranspose2d(widths[0], 3, 4, stride=2, padding=1),
            nn.Tanh(),
            nn.Upsample((resolution, resolution), mode="bilinear"),
        )

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Reconstruct images: float32, shape (n, 3, resolution, resolution), values -1 … 1, in and out."""
        return self.decoder(self.encoder(pixels))


def _down(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(before, after, 3, stride=2, padding=1), nn.GroupNorm(_GROUPS, after), nn.SiLU())


def _up(before: int, after: int) -> nn.Sequential:
    transposed = nn.ConvTranspose2d(before, after, 4, stride=2, padding=1)
    return nn.Sequential(transposed, nn.GroupNorm(_GROUPS, after), nn.SiLU())
