"""timm's architectures and pretrained tags, kept in a file so that only the first look imports timm (and torch)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from runner.embed.architectures import Architecture, Library, Preprocessing, PretrainedTag, WeightsSource
from runner.embed.families.base import KnownModel, ModelFamily, with_published_weights
from runner.embed.recipe import TIMM_PREFIX
from runner.utils.checked_files import read_checked, write_checked

_SNAPSHOT_VERSION = 1
"""Raised whenever the fields of the snapshot change."""

_FILES_OF_A_REPOSITORY = ("model.safetensors", "pytorch_model.bin")

_architectures = TypeAdapter(dict[str, Architecture])


class Timm(ModelFamily):
    """timm's networks without their classifiers."""

    library = Library.TIMM
    network_module = "runner.embed.families.timm_network"
    distribution = "timm"
    gives_feature_maps = True

    def known_models(self, cache_dir: Path) -> Iterator[KnownModel]:
        for name, architecture in timm_architectures(cache_dir).items():
            yield from with_published_weights(TIMM_PREFIX + name, architecture, cache_dir)


@cache
def timm_architectures(cache_dir: Path) -> Mapping[str, Architecture]:
    """All architectures that timm can build, by name without tag; the snapshot is kept in ``cache_dir``."""
    snapshot = cache_dir.expanduser() / "models" / f"timm-{version('timm')}-{_SNAPSHOT_VERSION}.json"
    known = read_checked(snapshot, _is_snapshot)
    if known is not None:
        return _architectures.validate_json(known)
    architectures = _read_registry()
    write_checked(snapshot, _architectures.dump_json(architectures))
    return architectures


def _is_snapshot(content: bytes) -> bool:
    try:
        _architectures.validate_json(content)
    except ValidationError:
        return False
    return True


def _read_registry() -> dict[str, Architecture]:
    import timm

    tags: dict[str, dict[str, PretrainedTag]] = {name: {} for name in timm.list_models()}
    for name in timm.list_models(pretrained=True):
        architecture, _, tag = name.partition(".")
        tags[architecture][tag] = _pretrained(name)
    return {name: _architecture(name, tags[name]) for name in tags}


def _architecture(name: str, tags: dict[str, PretrainedTag]) -> Architecture:
    import timm

    config: Any = timm.get_pretrained_cfg(name)  # of timm's own default tag
    return Architecture(
        name=name,
        library=Library.TIMM,
        resolution=config.input_size[-1],
        preprocessing=_preprocessing(config),
        tags=tags,
        default_tag=config.tag if config.tag in tags else next(iter(tags), None),
    )


def _pretrained(name: str) -> PretrainedTag:
    import timm

    config: Any = timm.get_pretrained_cfg(name)
    if config.hf_hub_id:
        files = (config.hf_hub_filename,) if config.hf_hub_filename else _FILES_OF_A_REPOSITORY
        source = WeightsSource(config.hf_hub_id, files)
    else:
        source = WeightsSource(url=config.url)
    return PretrainedTag(source, _preprocessing(config), config.input_size[-1])


def _preprocessing(config: Any) -> Preprocessing:
    interpolation = "bilinear" if config.interpolation == "bilinear" else "bicubic"
    return Preprocessing(tuple(config.mean), tuple(config.std), interpolation)
