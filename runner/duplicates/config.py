"""The settings of a search for duplicates, validated in one place."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from runner.config.search import SearchConfig, as_in_experiment


class DuplicatesConfig(SearchConfig):
    """One search for duplicates."""

    folder_name = "duplicates"

    method: Literal["exact", "hash", "embedding", "ahash", "dhash", "whash", "minhash", "orb", "ssim", "template"] = (
        Field("embedding", description="what makes two images duplicates: their bytes, a hash, an embedding, a measure")
    )
    threshold: Annotated[float, Field(ge=-1, le=1)] | Literal["auto"] = Field(
        "auto", description="similarity from which on two images are linked, 1 for identical; auto finds the knee"
    )
    within: float | None = Field(
        None,
        ge=0,
        description="bursts: link only images taken at most this many seconds apart, by their EXIF DateTimeOriginal; "
        "images without one are linked with none",
    )
    exact_up_to: int = as_in_experiment("exact_up_to")
    keep_per_group: int = Field(
        1, ge=1, description="how many images of each group stay, chosen for their diversity beyond the first"
    )
    out: Path | None = Field(None, description="folder to write to (default: duplicates, or RESULTS/duplicates)")

    @model_validator(mode="after")
    def _consistent(self) -> DuplicatesConfig:
        if self.method == "exact" and self.threshold != "auto":
            raise ValueError("--threshold goes with the other methods; exact duplicates have the same bytes")
        if self.method == "exact" and self.within is not None:
            raise ValueError("--within goes with the other methods; copies of a file were taken at the same time")
        return self
