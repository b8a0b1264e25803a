"""The settings that every search in a set of images shares."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import ConfigDict, Field, model_validator

from runner.config.experiment import ExperimentConfig
from runner.config.images import FilePath, ImagesConfig, require_dataset, require_one
from runner.embed.embedding_config import LARGEST_SIDE, SMALLEST_SIDE, Fit


def as_in_experiment(name: str) -> Any:
    """The field of an experiment's settings: its default, its limits and its help text."""
    return ExperimentConfig.model_fields[name]


class SearchConfig(ImagesConfig):
    """Which images are searched, and how they are embedded. Field descriptions are the command line's help texts."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    folder_name: ClassVar[str]
    """Where the results go if ``out`` is not given; in the folder ``results`` if that is."""

    results: FilePath | None = Field(
        None, description="results folder of a finished experiment, whose images, embeddings and trials are taken"
    )
    embedding: str | None = Field(
        None, description="which embedding of --in, by its key or part of it (default: the best trial's)"
    )
    model: str = Field(
        "ViT-B-32", description="embedding model of images that are no results: ARCH[:WEIGHTS], efficientnet_lite0, …"
    )
    resolution: int | None = Field(
        None, ge=SMALLEST_SIDE, le=LARGEST_SIDE, description="side of its square input (default: the model's own)"
    )
    preprocess: Fit = Field(Fit.LETTERBOX, description="how an image is brought into the square")
    device: str = as_in_experiment("device")
    batch_size: int = as_in_experiment("batch_size")
    cache_dir: Path = as_in_experiment("cache_dir")
    out: Path | None = Field(None, description="folder to write to")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        sources = {"--images": self.images, "--images-from": self.images_from, "--dataset": self.dataset}
        require_one({**sources, "--in": self.results})
        require_dataset(self, [("--view", self.view)])
        if self.embedding is not None and self.results is None:
            raise ValueError("--embedding goes with --in; use --model with other images")
        return self

    @property
    def asked_for(self) -> str:
        """Whose images are searched, for people."""
        return str(self.results or self.dataset or self.images_from or ", ".join(map(str, self.folders)))

    @property
    def folder(self) -> Path:
        """Where the results go."""
        if self.out is not None:
            return self.out.expanduser()
        return (self.results or Path()).expanduser() / self.folder_name
