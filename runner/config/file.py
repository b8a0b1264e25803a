"""Settings from a YAML file, the command line and ``--set``, later ones first; and the preset grids."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from runner.config.experiment import ExperimentConfig, Mode
from runner.config.messages import allowed, first_problem, flag_of, wrong_flag
from runner.errors import RunnerError, UsageError
from runner.utils.text_files import DEEPEST, parse_yaml, read_yaml, shown

OF_MODELS = ("models", "resolutions", "preprocess", "precision", "batch_size", "force_embeddings")
"""Settings of how vectors are made, of no use with ready-made ones."""

OF_ONE_CALL = ("fresh", "force_embeddings", "retry_failed")
"""What is wanted of one call and is no part of the experiment."""

_SETTINGS = list(ExperimentConfig.model_fields)


def load_config(
    flags: Mapping[str, Any],
    *,
    file: Path | None = None,
    assignments: Sequence[str] = (),
    forget: Sequence[str] = (),
) -> ExperimentConfig:
    """The validated settings.

    Args:
        flags: what the command line gives, by setting; nothing that was not given.
        file: YAML file of settings, e.g. a former run's ``config.yaml``.
        assignments: ``path=value`` with dots in the path and YAML in the value, such as
            ``sweep.kmeans.n_clusters=[10,20]``.
        forget: settings of the file that do not count.

    Raises:
        UsageError: naming the setting, the value and what is allowed.
    """
    settings = _read_settings(file) if file is not None else {}
    settings = {name: value for name, value in settings.items() if name not in forget}
    sources = {"images", "images_from", "dataset", "embeddings"}
    if sources & set(flags):  # other images than the file's
        of_source = sources | {"paths", "samples", "view", "write_fields"}
        settings = {name: value for name, value in settings.items() if name not in of_source}
    settings |= flags
    for assignment in assignments:
        _assign(settings, assignment)
    try:
        config = ExperimentConfig.model_validate(settings)
    except ValidationError as error:
        raise UsageError(_describe(error, file, flags)) from None
    idle = [flag_of(name) for name in OF_MODELS if name in flags]
    if config.embeddings is not None and idle:
        raise UsageError(f"{', '.join(idle)} would have no effect: --embeddings are ready, no model makes them")
    return config


def load_preset(mode: Mode) -> dict[str, list[dict[str, Any]]]:
    """The grids of a preset, by algorithm."""
    preset: dict[str, list[dict[str, Any]]] = read_yaml(_presets_folder() / f"{mode.value}.yaml", "the preset")
    return preset


def dump_config(config: ExperimentConfig) -> str:
    """YAML that ``load_config`` reads back to the same settings."""
    settings = config.model_dump(mode="json", exclude_none=True, exclude=set(OF_ONE_CALL))
    return yaml.safe_dump(settings, sort_keys=False, allow_unicode=True, width=100)


def _presets_folder() -> Path:
    """``configs/`` of the repository, which an installed package has as ``presets/``."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "presets"
    return installed if installed.is_dir() else package.parent / "configs"


def _read_settings(file: Path) -> dict[str, Any]:
    settings = _usage(lambda: read_yaml(file, "the settings file")) or {}
    if not isinstance(settings, dict):
        raise UsageError(f"{file} must hold settings as 'name: value' lines")
    return {str(name): value for name, value in settings.items()}


def _usage(read: Callable[[], Any]) -> Any:
    """What ``read`` gives; what it can't read is bad usage, as is a flag that makes no sense."""
    try:
        return read()
    except UsageError:
        raise
    except RunnerError as error:
        raise UsageError(str(error)) from error


def _assign(settings: dict[str, Any], assignment: str) -> None:
    path, separator, text = assignment.partition("=")
    where = f"--set {shown(assignment)!r}"
    if not separator or not path:
        raise UsageError(f"{where} must read NAME=VALUE, for example sweep.kmeans.n_clusters=[10,20]")
    value = _usage(lambda: parse_yaml(text, f"{where}: the value"))
    *parents, name = path.split(".")
    if len(parents) > DEEPEST:
        raise UsageError(f"{where}: no setting lies so deep")
    place = settings
    for parent in parents:
        place = place.setdefault(parent, {})
        if not isinstance(place, dict):
            raise UsageError(f"{where}: {shown(parent)!r} is not a group of settings")
    place[name] = value


def _describe(error: ValidationError, file: Path | None, flags: Mapping[str, Any]) -> str:
    """The first problem in one sentence."""
    problem = first_problem(error)
    name = ".".join(str(part) for part in problem["loc"] if part not in ("constrained-int", "constrained-float"))
    group = _group(str(problem["loc"][0])) if problem["loc"] else None
    if problem["type"] == "extra_forbidden":
        known = [f"{problem['loc'][0]}.{field}" for field in group.model_fields] if group else _SETTINGS
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(known)}"
        where = f" in {file}" if file is not None else ""
        return f"unknown setting {shown(name)!r}{where}{hint}"
    if not name:
        return allowed(problem)
    if not group and problem["loc"][0] in flags:
        return wrong_flag(problem, flag_of, flags)
    return f"{shown(name if group else name.split('.')[0])}={shown(problem['input'])}: {allowed(problem)}"


def _group(name: str) -> type[BaseModel] | None:
    """The class of a setting that is a group of settings."""
    field = ExperimentConfig.model_fields.get(name)
    kind = field.annotation if field else None
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None
