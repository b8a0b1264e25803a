"""What is known of a model before it is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Library(StrEnum):
    """Who builds a model: a library, or we do."""

    OPEN_CLIP = "open_clip"
    TIMM = "timm"
    BASELINE = "baseline"
    AUTOENCODER = "autoencoder"


@dataclass(frozen=True)
class Preprocessing:
    """The pixel values that a model was trained on.

    Attributes:
        mean: taken off each channel (red, green, blue) after scaling to 0 … 1.
        std: what each channel is then divided by.
        interpolation: ``bicubic`` or ``bilinear``.
    """

    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: str = "bicubic"

    def __str__(self) -> str:
        mean, std = (" ".join(f"{value:.4g}" for value in values) for values in (self.mean, self.std))
        return f"mean {mean}, std {std}, {self.interpolation}"


OPENAI_PREPROCESSING = Preprocessing(
    (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711), "bicubic"
)
"""What CLIP was trained on, and open_clip's default where nothing else is said."""


@dataclass(frozen=True)
class WeightsSource:
    """Where published weights are: a repository of the Hugging Face hub, or else a URL.

    ``filenames`` are tried in order; the first one that the repository has is taken.
    """

    repository: str = ""
    filenames: tuple[str, ...] = ()
    url: str = ""


@dataclass(frozen=True)
class PretrainedTag:
    """One set of published weights of an architecture."""

    source: WeightsSource
    preprocessing: Preprocessing
    resolution: int
    quick_gelu: bool = False


@dataclass(frozen=True)
class Architecture:
    """A network that open_clip or timm can build, or a descriptor of ours.

    Attributes:
        name: the library's name for it.
        library: who builds it.
        resolution: side of the square input that it is built for.
        preprocessing: what it takes where no tag says otherwise.
        patch_size: side of a patch of open_clip's own vision transformers; None for other networks.
        any_resolution: whether sizes can be changed at all (not for CLIP's ResNets, whose attention pool is fixed);
            which ones it then takes is found by trying.
        smallest: smallest size of a baseline's input; other networks are asked themselves.
        quick_gelu: whether the name stands for the QuickGELU activation.
        tags: published weights by tag.
        default_tag: the tag that the bare name stands for; None if there is none.
    """

    name: str
    library: Library
    resolution: int
    preprocessing: Preprocessing
    patch_size: int | None = None
    any_resolution: bool = True
    smallest: int = 1
    quick_gelu: bool = False
    tags: Mapping[str, PretrainedTag] = field(default_factory=dict)
    default_tag: str | None = None
