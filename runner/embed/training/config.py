"""How autoencoders are trained."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class Loss(StrEnum):
    """What a reconstruction is judged by."""

    L1 = "l1"
    MSE = "mse"
    PERCEPTUAL = "perceptual"


class AutoencoderSettings(BaseModel):
    """Settings of ``--models autoencoder:N``, reached by ``--set autoencoder.NAME=…``."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    loss: Loss = Field(Loss.L1, description="difference of pixels (l1, mse), or also of a trained network's features")
    perceptual_model: str = Field(
        "efficientnet_lite0", description="network of the perceptual loss: efficientnet_lite0 or timm/NAME[:TAG]"
    )
    epochs: int = Field(40, ge=1, description="most passes over the training part")
    patience: int = Field(5, ge=1, description="epochs without a better validation loss after which training ends")
    validation_share: float = Field(0.1, gt=0, lt=1, description="share of the images that are not trained on")
    images: int = Field(20_000, ge=2, description="train on this many images at most, drawn with the seed")
    batch_size: int = Field(32, ge=1, description="images per step; computed in parts when memory runs out")
    learning_rate: float = Field(1e-3, gt=0, le=1, description="of AdamW")
