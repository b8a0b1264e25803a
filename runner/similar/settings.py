"""The settings of a search by example, validated in one place."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from runner.config import ExperimentConfig
from runner.embed.embedding_config import Fit


class SimilarConfig(BaseModel):
    """One search by example. Field descriptions are the command line's help texts."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    queries: tuple[str, ...] = Field(
        (), description="images to look for: of the set by their relative path or id, or any other file"
    )
    images: Path | None = Field(None, description="folder of images to search, recursively")
    results: Path | None = Field(
        None, description="results folder of a finished experiment, whose images, embeddings and trials are searched"
    )
    count: int = Field(20, ge=1, description="how many neighbours and mates are shown")
    top: int = Field(5, ge=1, description="how many of the best trials count for the mates")
    pairs: Path | None = Field(
        None, description="YAML or CSV file of known pairs, whose rank among each other's neighbours is told"
    )
    embedding: str | None = Field(
        None, description="only this embedding of --in, by its key or part of it (default: all of them)"
    )
    model: str = Field("ViT-B-32", description="embedding model of --images: ARCH[:WEIGHTS], efficientnet_lite0, …")
    resolution: int | None = Field(None, ge=16, description="side of its square input (default: the model's own)")
    preprocess: Fit = Field(Fit.LETTERBOX, description="how an image is brought into the square")
    out: Path | None = Field(None, description="folder to write to (default: similar, or RESULTS/similar)")
    collect: Literal["copy", "hardlink", "symlink"] | None = Field(
        None, description="also bring the neighbours of each query into a folder of their own, in this way"
    )
    device: str = Field("auto", description=ExperimentConfig.model_fields["device"].description)
    batch_size: int = Field(32, ge=1, description=ExperimentConfig.model_fields["batch_size"].description)
    cache_dir: Path = Field(
        ExperimentConfig.model_fields["cache_dir"].default,
        description=ExperimentConfig.model_fields["cache_dir"].description,
    )

    @model_validator(mode="after")
    def _consistent(self) -> SimilarConfig:
        if (self.images is None) == (self.results is None):
            given = "neither" if self.images is None else "both"
            raise ValueError(f"give exactly one of --images DIR and --in RESULTS, not {given}")
        if not self.queries and self.pairs is None:
            raise ValueError("name at least one image to look for, or a file of --pairs")
        if self.collect is not None and not self.queries:
            raise ValueError("--collect goes with images to look for")
        if self.embedding is not None and self.results is None:
            raise ValueError("--embedding goes with --in; use --model with --images")
        return self

    @property
    def folder(self) -> Path:
        """Where the results go."""
        if self.out is not None:
            return self.out.expanduser()
        return Path("similar") if self.results is None else self.results.expanduser() / "similar"
