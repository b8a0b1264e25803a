"""The settings of an export, validated in one place."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator


class How(StrEnum):
    """How an image gets to its new place."""

    COPY = "copy"
    HARDLINK = "hardlink"
    SYMLINK = "symlink"
    MOVE = "move"


class Format(StrEnum):
    """What an export writes."""

    FOLDERS = "folders"
    CSV = "csv"
    JSON = "json"
    COCO = "coco"
    FIFTYONE = "fiftyone"
    HUGGINGFACE = "huggingface"
    NPY = "npy"
    PARQUET = "parquet"


WITHOUT_IMAGES = (Format.CSV, Format.JSON, Format.NPY, Format.PARQUET)
"""Formats that only name the images."""


class Choose(StrEnum):
    """Which images of a cluster are taken where not all are."""

    MEDOIDS = "medoids"
    BORDERS = "borders"
    RANDOM = "random"


class ExportConfig(BaseModel):
    """One export. Field descriptions are the command line's help texts."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    results: Path = Field(description="results folder of a finished experiment")
    to: Path = Field(description="folder to write to; must be new or empty")
    rank: int = Field(1, ge=1, description="place in the ranking of the trial whose clusters are exported")
    format: Format = Field(Format.FOLDERS, description="what is written")
    how: How | None = Field(
        None, description="how images get there (default: copy); only move takes the originals from their places"
    )
    min_size: int = Field(
        1, ge=1, description="only clusters of at least so many images; above 1 noise and single images stay out"
    )
    per_cluster: int | None = Field(None, ge=1, description="at most so many images of each cluster, and of the noise")
    choose: Choose = Field(Choose.MEDOIDS, description="which ones: the most central, the least central, or at random")
    names: Path | None = Field(None, description='JSON file with names of clusters, such as {"7": "birds"}')
    seed: int = Field(42, ge=0, description="seed of the random choice")
    dry_run: bool = Field(False, description="say what would be done, and do nothing")

    @model_validator(mode="after")
    def _consistent(self) -> ExportConfig:
        if self.how is not None and self.format in WITHOUT_IMAGES:
            raise ValueError(f"--how goes with formats that hold the images; --format {self.format} only names them")
        return self
