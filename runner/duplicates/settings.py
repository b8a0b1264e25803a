"""The settings of a search for duplicates, validated in one place."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from runner.config import ExperimentConfig
from runner.embed.embedding_config import Fit


class DuplicatesConfig(BaseModel):
    """One search for duplicates. Field descriptions are the command line's help texts."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    images: Path | None = Field(None, description="folder of images, searched recursively")
    results: Path | None = Field(
        None, description="results folder of a finished experiment, whose images and embeddings are taken"
    )
    method: Literal["exact", "hash", "embedding", "ahash", "dhash", "whash", "minhash", "orb", "ssim", "template"] = (
        Field("embedding", description="what makes two images duplicates: their bytes, a hash, an embedding, a measure")
    )
    threshold: Annotated[float, Field(ge=-1, le=1)] | Literal["auto"] = Field(
        "auto", description="similarity from which on two images are linked, 1 for identical; auto finds the knee"
    )
    keep_per_group: int = Field(
        1, ge=1, description="how many images of each group stay, chosen for their diversity beyond the first"
    )
    model: str = Field("ViT-B-32", description="embedding model of --images: ARCH[:WEIGHTS], efficientnet_lite0, …")
    resolution: int | None = Field(None, ge=16, description="side of its square input (default: the model's own)")
    preprocess: Fit = Field(Fit.LETTERBOX, description="how an image is brought into the square")
    embedding: str | None = Field(
        None, description="which embedding of --in, by its key or part of it (default: the best trial's)"
    )
    out: Path | None = Field(
        None, description="folder to write to (default: duplicates, or DIR/duplicates of --in DIR)"
    )
    device: str = Field("auto", description=ExperimentConfig.model_fields["device"].description)
    batch_size: int = Field(32, ge=1, description=ExperimentConfig.model_fields["batch_size"].description)
    cache_dir: Path = Field(
        ExperimentConfig.model_fields["cache_dir"].default,
        description=ExperimentConfig.model_fields["cache_dir"].description,
    )

    @model_validator(mode="after")
    def _consistent(self) -> DuplicatesConfig:
        if (self.images is None) == (self.results is None):
            given = "neither" if self.images is None else "both"
            raise ValueError(f"give exactly one of --images DIR and --in RESULTS, not {given}")
        if self.method == "exact" and self.threshold != "auto":
            raise ValueError("--threshold goes with the other methods; exact duplicates have the same bytes")
        if self.embedding is not None and self.results is None:
            raise ValueError("--embedding goes with --in; use --model with --images")
        return self

    @property
    def folder(self) -> Path:
        """Where the results go."""
        if self.out is not None:
            return self.out.expanduser()
        return Path("duplicates") if self.results is None else self.results.expanduser() / "duplicates"
