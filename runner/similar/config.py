"""The settings of a search by example, validated in one place."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from runner.config.search import SearchConfig


class SimilarConfig(SearchConfig):
    """One search by example."""

    folder_name = "similar"

    queries: tuple[str, ...] = Field(
        (), description="images to look for: of the set by their relative path or id, or any other file"
    )
    count: int = Field(20, ge=1, description="how many neighbours and mates are shown")
    top: int = Field(5, ge=1, description="how many of the best trials count for the mates")
    pairs: Path | None = Field(
        None, description="YAML or CSV file of known pairs, whose rank among each other's neighbours is told"
    )
    embedding: str | None = Field(
        None, description="only this embedding of --in, by its key or part of it (default: all of them)"
    )
    out: Path | None = Field(None, description="folder to write to (default: similar, or RESULTS/similar)")
    collect: Literal["copy", "hardlink", "symlink"] | None = Field(
        None, description="also bring the neighbours of each query into a folder of their own, in this way"
    )

    @model_validator(mode="after")
    def _consistent(self) -> SimilarConfig:
        if not self.queries and self.pairs is None:
            raise ValueError("name at least one image to look for, or a file of --pairs")
        if self.collect is not None and not self.queries:
            raise ValueError("--collect goes with images to look for")
        return self
