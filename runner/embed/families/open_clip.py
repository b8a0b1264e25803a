"""open_clip's architectures and pretrained tags, read without importing open_clip.

Importing it takes torch and several seconds, which a call whose vectors are all cached must not cost.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import math
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from runner.embed.architectures import (
    OPENAI_PREPROCESSING,
    Architecture,
    Library,
    Preprocessing,
    PretrainedTag,
    WeightsSource,
)
from runner.embed.embedding_config import LARGEST_SIDE
from runner.embed.families.base import KnownModel, ModelFamily, with_published_weights
from runner.embed.weights.local_checkpoint import CONFIG_NAME, says_quick_gelu
from runner.errors import RunnerError
from runner.utils.text_files import shown

_TABLES = "runner.embed._open_clip_tables"

FILES_OF_A_REPOSITORY = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")

_LARGEST = {"embed_dim": 65_536, "width": 65_536, "layers": 1_000, "image_size": LARGEST_SIDE, "patch_size": 1_024}
"""What networks are made of, and more than any of them has; beyond, building it would never end."""

_TRAINING_DATA = ("dfn5b", "dfn2b", "metaclip", "datacomp", "laion2b")
"""Prefixes of tags by the zero-shot accuracy that open_clip's benchmark table gives them, best first."""

_FURTHER_ALIASES = {
    "openai/clip-vit-base-patch32": "ViT-B-32:openai",
    "openai/clip-vit-base-patch16": "ViT-B-16:openai",
    "openai/clip-vit-large-patch14": "ViT-L-14:openai",
    "openai/clip-vit-large-patch14-336": "ViT-L-14-336:openai",
    "ViT-B/32": "ViT-B-32",
    "ViT-B/16": "ViT-B-16",
    "ViT-L/14": "ViT-L-14",
    "ViT-L/14@336px": "ViT-L-14-336",
    "google/siglip-base-patch16-224": "ViT-B-16-SigLIP:webli",
    "google/siglip-base-patch16-256": "ViT-B-16-SigLIP-256:webli",
    "google/siglip-base-patch16-384": "ViT-B-16-SigLIP-384:webli",
    "google/siglip-base-patch16-512": "ViT-B-16-SigLIP-512:webli",
    "google/siglip-large-patch16-256": "ViT-L-16-SigLIP-256:webli",
    "google/siglip-large-patch16-384": "ViT-L-16-SigLIP-384:webli",
    "google/siglip-so400m-patch14-384": "ViT-SO400M-14-SigLIP-384:webli",
    "facebook/metaclip-b32-400m": "ViT-B-32-quickgelu:metaclip_400m",
    "facebook/metaclip-b32-fullcc2.5b": "ViT-B-32-quickgelu:metaclip_fullcc",
    "facebook/metaclip-b16-400m": "ViT-B-16-quickgelu:metaclip_400m",
    "facebook/metaclip-b16-fullcc2.5b": "ViT-B-16-quickgelu:metaclip_fullcc",
    "facebook/metaclip-l14-400m": "ViT-L-14-quickgelu:metaclip_400m",
    "facebook/metaclip-l14-fullcc2.5b": "ViT-L-14-quickgelu:metaclip_fullcc",
    "facebook/metaclip-h14-fullcc2.5b": "ViT-H-14-quickgelu:metaclip_fullcc",
}


_QUICK_GELU_SUFFIX = "-quickgelu"


class OpenClip(ModelFamily):
    """CLIP and its kind, which were trained on images together with texts."""

    library = Library.OPEN_CLIP
    network_module = "runner.embed.families.open_clip_network"
    distribution = "open_clip_torch"
    has_text_tower = True

    def known_models(self, cache_dir: Path) -> Iterator[KnownModel]:
        for name, architecture in open_clip_architectures().items():
            yield from with_published_weights(name, architecture, cache_dir)

    def checkpoint_notes(
        self, model: str, architecture: Architecture, path: Path, config: dict[str, Any] | None
    ) -> list[str]:
        """The activation is as the model's name says, unless the checkpoint contradicts."""
        if architecture.quick_gelu:
            return []
        twin = model + _QUICK_GELU_SUFFIX
        states_quick_gelu = bool(config and config.get("model_cfg", {}).get("quick_gelu"))
        if states_quick_gelu or says_quick_gelu(path):
            where = CONFIG_NAME if states_quick_gelu else "the file's name"
            remedy = (
                f"name it as {twin}:{path}" if twin in open_clip_architectures() else f"name its folder {path.parent}"
            )
            raise RunnerError(f"{where} says that {path} was trained with QuickGELU, but {model} uses GELU: {remedy}")
        if twin in open_clip_architectures():
            return [f"{model} uses GELU; name a checkpoint trained with QuickGELU, as OpenAI's were, {twin}:{path}"]
        return []


@cache
def open_clip_architectures() -> Mapping[str, Architecture]:
    """All architectures that open_clip has a configuration for, by name."""
    folder = _package_folder()
    pretrained: Mapping[str, Mapping[str, Mapping[str, Any]]] = _tables(folder)._PRETRAINED
    architectures = {}
    for path in sorted((folder / "model_configs").glob("*.json")):
        config = json.loads(path.read_text(encoding="utf-8"))
        if {"embed_dim", "vision_cfg", "text_cfg"} <= config.keys():
            architectures[path.stem] = _architecture(path.stem, config, pretrained.get(path.stem, {}))
    return architectures


@cache
def aliases() -> Mapping[str, str]:
    """Usual names of models at the hub, in lower case, and the ``ARCH:TAG`` that each stands for."""
    by_repository: dict[str, str] = {}
    # shorter names first: ViT-B-16:openai rather than its equal ViT-B-16-quickgelu:openai
    for architecture in sorted(open_clip_architectures().values(), key=lambda architecture: len(architecture.name)):
        for tag, pretrained in architecture.tags.items():
            by_repository.setdefault(pretrained.source.repository.lower(), f"{architecture.name}:{tag}")
    return by_repository | {alias.lower(): name for alias, name in _FURTHER_ALIASES.items()}


def architecture_of_config(name: str, config: Mapping[str, Any]) -> Architecture:
    """The architecture that an ``open_clip_config.json`` describes.

    Args:
        name: what to call it.
        config: the file's content; ``preprocess_cfg`` is optional.

    Raises:
        ValueError: it lacks ``model_cfg`` or what that must hold, or its network would be of no sensible size.
    """
    model = config.get("model_cfg")
    if not isinstance(model, dict) or not isinstance(model.get("vision_cfg"), dict):
        raise ValueError("it has no model_cfg with a vision_cfg")
    for part in (model, model["vision_cfg"]):
        for setting, most in _LARGEST.items():
            for number in _numbers(part.get(setting, 1)):
                if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= most:
                    raise ValueError(f"{setting} must be 1 to {most:,}, not {shown(number)}")
    return _architecture(name, model, {}, preprocessing_of(config.get("preprocess_cfg", {})))


def preprocessing_of(config: Mapping[str, Any]) -> Preprocessing:
    """The preprocessing that an open_clip ``preprocess_cfg`` states; CLIP's own for what it leaves out.

    Raises:
        ValueError, TypeError: it states no usable numbers.
    """
    mean, std = (
        _triple(config.get(name) or usual)
        for name, usual in (("mean", OPENAI_PREPROCESSING.mean), ("std", OPENAI_PREPROCESSING.std))
    )
    if not all(map(math.isfinite, mean)) or not all(0 < value < math.inf for value in std):
        raise ValueError(f"mean and std must be numbers, std above 0, not {shown(mean)} and {shown(std)}")
    interpolation = "bilinear" if config.get("interpolation") == "bilinear" else "bicubic"
    return Preprocessing(mean, std, interpolation)


def _architecture(
    name: str,
    config: Mapping[str, Any],
    tags: Mapping[str, Mapping[str, Any]],
    preprocessing: Preprocessing | None = None,
) -> Architecture:
    vision = config["vision_cfg"]
    resolution = _side(vision.get("image_size", 224))
    quick_gelu = bool(config.get("quick_gelu", False))
    known = {
        tag: PretrainedTag(_source(entry), preprocessing_of(entry), resolution, bool(entry.get("quick_gelu")))
        for tag, entry in tags.items()
    }
    default = default_tag(tuple(known))
    if preprocessing is None:
        preprocessing = known[default].preprocessing if default else OPENAI_PREPROCESSING
    own_transformer = "timm_model_name" not in vision and not isinstance(vision.get("layers"), list)
    return Architecture(
        name=name,
        library=Library.OPEN_CLIP,
        resolution=resolution,
        preprocessing=preprocessing,
        patch_size=_side(vision.get("patch_size", 16)) if own_transformer else None,
        any_resolution=not isinstance(vision.get("layers"), list),
        quick_gelu=quick_gelu,
        tags=known,
        default_tag=default,
    )


def default_tag(tags: tuple[str, ...]) -> str | None:
    """The tag that an architecture's bare name stands for.

    ``openai`` where it exists. Otherwise the strongest: by training data first (``_TRAINING_DATA``), then by the number
    of samples seen (``s34b`` in a tag), then the one that open_clip lists last, as it appends improved versions.
    """
    if not tags or "openai" in tags:
        return "openai" if tags else None

    def strength(tag: str) -> tuple[int, float, int]:
        data = next((rank for rank, prefix in enumerate(_TRAINING_DATA) if tag.startswith(prefix)), len(_TRAINING_DATA))
        seen = re.search(r"_s(\d+)([mb])", tag)
        samples = float(seen[1]) * (1e9 if seen[2] == "b" else 1e6) if seen else 0.0
        return -data, samples, tags.index(tag)

    return max(tags, key=strength)


def _source(entry: Mapping[str, Any]) -> WeightsSource:
    repository, _, filename = str(entry.get("hf_hub", "")).rpartition("/")
    if not repository:
        return WeightsSource(url=str(entry.get("url", "")))
    if not filename:
        return WeightsSource(repository, FILES_OF_A_REPOSITORY)
    safe = str(Path(filename).with_suffix(".safetensors"))
    return WeightsSource(repository, tuple(dict.fromkeys((safe, filename))))


def _numbers(value: Any) -> Sequence[Any]:
    """The value, or those in it: of layers there may be several."""
    return value or [value] if isinstance(value, list) else [value]


def _side(size: int | list[int]) -> int:
    return size if isinstance(size, int) else size[0]


def _triple(values: float | list[float] | tuple[float, ...]) -> tuple[float, float, float]:
    if isinstance(values, int | float):
        return (float(values),) * 3
    red, green, blue = (float(value) for value in values)
    return red, green, blue


def _package_folder() -> Path:
    spec = importlib.util.find_spec("open_clip")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("open_clip is not installed (pip install open_clip_torch)", name="open_clip")
    return Path(spec.submodule_search_locations[0])


def _tables(folder: Path) -> ModuleType:
    """open_clip's module ``pretrained``, loaded under a package name of our own so that ``open_clip/__init__.py`` does
    not run, and without the optional module of safetensors that imports torch (only its downloads use it)."""
    if _TABLES not in sys.modules:
        package = ModuleType(_TABLES)
        package.__path__ = [str(folder)]
        sys.modules[_TABLES] = package
    blocked = "safetensors.torch" not in sys.modules
    if blocked:
        sys.modules["safetensors.torch"] = None  # type: ignore[assignment]  # makes importing it an ImportError
    try:
        return importlib.import_module(f"{_TABLES}.pretrained")
    finally:
        if blocked:
            del sys.modules["safetensors.torch"]
