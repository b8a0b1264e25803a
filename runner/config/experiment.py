"""All settings of an experiment, validated in one place."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import AliasChoices, BeforeValidator, ConfigDict, Field, model_validator

from runner.config.images import FilePath, ImagesConfig, require_dataset, require_one
from runner.embed.embedding_config import LARGEST_SIDE, SMALLEST_SIDE, Fit, Precision
from runner.embed.training.config import AutoencoderSettings


class Mode(StrEnum):
    """Name of a preset grid in ``configs/``."""

    DEBUG = "debug"
    FAST = "fast"
    BALANCED = "balanced"
    COMPREHENSIVE = "comprehensive"
    CLASSIC = "classic"


def _sample(value: object) -> object:
    """``"5%"`` becomes the share 0.05, ``"1000"`` the count 1000."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    try:
        number = float(text[:-1]) / 100 if text.endswith("%") else int(text)
    except ValueError:
        raise ValueError(f"{value!r} is neither a share such as 5% nor a count such as 1000") from None
    if text.endswith("%") and not 0 < number <= 1:  # 2.0 would be a count of two
        raise ValueError(f"{value!r} is no share above 0% and up to 100%")
    return number


LARGEST_SEED = 2**32 - 1
"""Of NumPy's older generators, which scikit-learn still takes."""

Share = Annotated[float, Field(gt=0, le=1)]
Count = Annotated[int, Field(ge=1)]
SampleSize = Annotated[Count | Share, BeforeValidator(_sample)]


class ExperimentConfig(ImagesConfig):
    """One experiment: which images, which embeddings, which clusterings, where the results go.

    Field descriptions are the command line's help texts.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, populate_by_name=True)

    # Where else the images may come from, and what is known of them
    samples: FilePath | None = Field(None, description="JSON list of sample ids: only these samples of --dataset")
    embeddings: FilePath | None = Field(
        None, description="ready-made vectors: .npy file, one row per image, or a results folder"
    )
    paths: FilePath | None = Field(None, description="JSON list with the image path of each row of --embeddings")
    labels: str | None = Field(
        None,
        description="reference labels to score against: each image's folder, or a field of --dataset (classifications "
        "or strings)",
    )
    sample: SampleSize | None = Field(None, description="use only part of the images: a share (5%) or a count (1000)")
    target: tuple[FilePath, ...] = Field(
        (), description="images (paths or sample ids) of special interest: always sampled, marked in maps and sheets"
    )
    pairs: FilePath | None = Field(None, description="YAML or CSV file of must-link and cannot-link pairs")
    pair_weight: float = Field(0.5, ge=0, description="weight of the pairs in the ranking score")

    # How they are embedded
    models: tuple[str, ...] = Field(
        ("ViT-B-32",),
        min_length=1,
        description="ARCH[:WEIGHTS], timm/NAME, hf-hub:…, efficientnet_lite0 (bundled), autoencoder, pixels or hog",
    )
    resolutions: tuple[Annotated[int, Field(ge=SMALLEST_SIDE, le=LARGEST_SIDE)], ...] = Field(
        (), description="sides of the square input in pixels (default: the model's own)"
    )
    preprocess: tuple[Fit, ...] = Field(
        (Fit.LETTERBOX,), min_length=1, description="how an image is brought into the square"
    )
    autoencoder: AutoencoderSettings = Field(
        default_factory=AutoencoderSettings, description="how autoencoder:N is trained on these images"
    )
    precision: Precision = Field(Precision.FLOAT32, description="number format of the forward pass")
    device: str = Field(
        "auto", pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$", description="where models run: auto, cpu, cuda or mps"
    )
    batch_size: int = Field(32, ge=1, description="images per forward pass; halved when memory runs out")
    force_embeddings: bool = Field(False, description="compute every vector again, even if it is in the cache")
    cache_dir: FilePath = Field(
        Path("~/.cache/imagesweep"), description="where embeddings are kept between experiments"
    )

    # How they are clustered
    mode: Mode = Field(Mode.BALANCED, description="preset grid of about 3, 20, 100, 350 or 370 trials per embedding")
    algorithms: tuple[str, ...] | None = Field(
        None, min_length=1, description="only these algorithms; similarity stands for all that compare image files"
    )
    spaces: tuple[str, ...] | None = Field(
        None, min_length=1, description="spaces to cluster in, in place of the preset's: none, pca:N, umap:N"
    )
    sweep: dict[str, dict[str, Any] | list[dict[str, Any]]] = Field(
        default_factory=dict,
        description="by algorithm: values that replace the preset's, or a list of grids that replaces all of its grids",
    )
    max_trials: int | None = Field(
        None, ge=1, description="at most this many trials per embedding, drawn with the seed"
    )
    exact_up_to: int = Field(
        200_000, ge=2, description="with more images neighbour graph and tree are made in two stages, approximately"
    )
    trial_timeout: float = Field(600, gt=0, description="seconds after which a trial is ended")
    retry_failed: bool = Field(
        False,
        description="try every failed trial again; without it those that failed for want of memory, disk space or a "
        "process are, in three calls at most",
    )
    seed: int = Field(
        42,
        ge=0,
        le=LARGEST_SEED,
        validation_alias=AliasChoices("seed", "random_state"),
        description="seed of everything random (random_state in Python)",
    )
    workers: int | None = Field(None, ge=1, description="parallel processes (default: one per core)")

    # What comes of it
    out: FilePath = Field(Path("results"), description="results folder")
    experiment_name: str | None = Field(
        None,
        min_length=1,
        description="MLflow experiment (default: MLFLOW_EXPERIMENT_NAME, or else the name of the folder of images)",
    )
    tracking_uri: str | None = Field(
        None,
        repr=False,  # it may hold a password
        description="MLflow tracking URI (default: MLFLOW_TRACKING_URI, or else a SQLite file in the results folder); "
        "a server's user and password are best given as MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD",
    )
    top: int = Field(5, ge=0, description="how many of the best trials get folders, sheets and plots")
    write_fields: bool = Field(
        False, description="write the --top trials into --dataset as fields of cluster labels, with views to look at"
    )
    fresh: bool = Field(False, description="start over instead of resuming a half-done experiment")

    @model_validator(mode="after")
    def _one_source(self) -> ExperimentConfig:
        require_one(
            {
                "--images": self.images,
                "--images-from": self.images_from,
                "--dataset": self.dataset,
                "--embeddings": self.embeddings,
            }
        )
        if self.paths is not None and self.embeddings is None:
            raise ValueError("--paths goes with --embeddings")
        of_dataset = {"--view": self.view, "--samples": self.samples, "--write-fields": self.write_fields}
        require_dataset(self, of_dataset.items())
        return self
