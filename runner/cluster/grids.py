"""Parameter grids: from a preset and the user's wishes to the list of clusterings of one embedding.

A grid names one algorithm, the spaces it runs in, and the values of its parameters. A value is taken as it is;
a *rule* derives values from the data, so that a preset fits 2 images as well as millions:

    geometric: N                 N values, geometrically spaced; cluster counts about 5 … n/5, sizes about 5 … n/10
      from: A, to: B             other ends
      most: C                    no value above C
    neighbor_quantiles: [q, …]   distances: quantiles of the distance to the neighbour that makes a row a core point
    merge_quantiles: [q, …]      similarities: quantiles of the heights at which single linkage merges
    range: [first, last, step]   whole numbers as in Python's range; ends may be {per: P, least: A, most: B},
                                 meaning n // P held between A and B
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from runner.cluster.algorithms import GROUPS, algorithm_named
from runner.cluster.algorithms.base import Algorithm, Parameter, Params, Scale
from runner.cluster.geometry import Geometry
from runner.cluster.rules import rule_problem
from runner.cluster.spaces import Space
from runner.cluster.trial import ClusteringConfig, ParameterValue
from runner.errors import UsageError
from runner.utils.text_files import shown

FEWEST_CLUSTERS = 5
SMALLEST_CLUSTER = 5


@dataclass(frozen=True)
class Grid:
    """One entry of a preset or of the user's ``sweep`` setting.

    Attributes:
        algorithm: its registered name.
        spaces: where it runs.
        values: by parameter, a list of values or a rule.
        chosen: parameters that the user set: values that can't work are refused, not left out.
    """

    algorithm: str
    spaces: tuple[str, ...]
    values: Mapping[str, Any]
    chosen: frozenset[str] = frozenset()


def parse_grids(
    preset: Mapping[str, Sequence[Mapping[str, Any]]],
    *,
    algorithms: Sequence[str] | None = None,
    spaces: Sequence[str] | None = None,
    overrides: Mapping[str, Mapping[str, Any] | Sequence[Mapping[str, Any]]] | None = None,
) -> list[Grid]:
    """The grids of a preset with the user's choices applied.

    Args:
        preset: by algorithm, its grids as in ``configs/*.yaml``.
        algorithms: only these, or groups of them; one that the preset lacks runs with what ``overrides`` says of it.
            Without it, those of the preset and of ``overrides``, or of the latter only where it is made of lists of
            grids.
        spaces: in place of the preset's spaces.
        overrides: by algorithm, values in place of the preset's in all its grids, ``space`` among them; or a list of
            grids in place of the preset's.

    Raises:
        UsageError: unknown algorithm, parameter, value, rule or space.
    """
    overrides = overrides or {}
    complete = bool(overrides) and not any(isinstance(override, Mapping) for override in overrides.values())
    named = [each for name in algorithms or () for each in GROUPS.get(name, (name,))]
    wanted = list(dict.fromkeys(named or ([] if complete else preset)))
    wanted += [name for name in overrides if name not in wanted and not algorithms]
    grids: list[Grid] = []
    for name in wanted:
        algorithm = algorithm_named(name)
        override = overrides.get(name, {})
        entries, chosen = (preset.get(name) or [{}], override) if isinstance(override, Mapping) else (override, {})
        for entry in entries:
            if not isinstance(entry, Mapping):
                raise UsageError(f"{name}: {shown(entry)} is no grid; a grid has values by parameter")
            values = {str(parameter): value for parameter, value in {**entry, **chosen}.items()}
            entry_spaces = _as_list(values.pop("space", None)) or [_default_space(algorithm)]
            if spaces and "space" not in chosen:
                entry_spaces = list(spaces)
            own = chosen if isinstance(override, Mapping) else entry
            grid = Grid(name, tuple(map(str, entry_spaces)), values, frozenset(map(str, own)) - {"space"})
            _check(grid, algorithm)
            if grid not in grids:
                grids.append(grid)
    return grids


def expand(grids: Iterable[Grid], geometry_of: Callable[[str], Geometry]) -> list[ClusteringConfig]:
    """All clusterings of the grids, each once, in order.

    Args:
        grids: from ``parse_grids``.
        geometry_of: the finished geometry of a space by its name.
    """
    configs: dict[str, ClusteringConfig] = {}
    for grid in grids:
        algorithm = algorithm_named(grid.algorithm)
        for space in grid.spaces:
            for params in _settings(grid, algorithm, geometry_of(space)):
                config = ClusteringConfig(grid.algorithm, space, params)
                configs.setdefault(repr(config.identity()), config)
    return list(configs.values())


def grids_as_settings(grids: Iterable[Grid]) -> dict[str, list[dict[str, Any]]]:
    """The ``sweep`` setting that gives exactly these grids, whatever the presets become."""
    settings: dict[str, list[dict[str, Any]]] = {}
    for grid in grids:
        settings.setdefault(grid.algorithm, []).append({"space": list(grid.spaces), **grid.values})
    return settings


def check_sizes(grids: Iterable[Grid], n: int) -> None:
    """Raise UsageError for a value that the user chose and ``n`` images can't satisfy, such as k > n."""
    for grid in grids:
        algorithm = algorithm_named(grid.algorithm)
        for name in grid.chosen:
            raw = grid.values[name]
            for value in [] if isinstance(raw, Mapping) else _as_list(raw) or []:
                algorithm.parameter(name).check(grid.algorithm, value, n)


def count(grids: Iterable[Grid], n: int) -> int:
    """About how many clusterings the grids will expand to, before any geometry is known."""
    total = 0
    for grid in grids:
        algorithm = algorithm_named(grid.algorithm)
        sizes = [_count_of(_values(grid, parameter), parameter, n) for parameter in algorithm.parameters]
        total += len(grid.spaces) * int(np.prod(sizes))
    return total


def grids_of_embedding(grids: Sequence[Grid], number: int) -> list[Grid]:
    """The grids that run over embedding ``number``; what looks at the images themselves runs with the first, 0, only,
    as it would give the same with all."""
    return [grid for grid in grids if number == 0 or not algorithm_named(grid.algorithm).uses_images]


def looks_at_images(grids: Iterable[Grid]) -> list[str]:
    """The algorithms that need the image files."""
    return list(dict.fromkeys(grid.algorithm for grid in grids if algorithm_named(grid.algorithm).uses_images))


def neighbors_needed(grids: Iterable[Grid], space: str) -> int:
    """The largest number of neighbours that a setting asks for in ``space``; 0 where nothing needs its graph."""
    needed = 1 if space == "none" else 0  # scores need that graph
    for grid in grids:
        algorithm = algorithm_named(grid.algorithm)
        if space not in grid.spaces or not algorithm.uses_graph:
            continue
        needed = max(needed, 1)
        for value in _as_list(grid.values.get("min_samples", _default(algorithm, "min_samples"))) or []:
            needed = max(needed, algorithm.neighbors_needed({"min_samples": int(value)}))
    return needed


def _settings(grid: Grid, algorithm: Algorithm, geometry: Geometry) -> Iterator[Params]:
    """Cartesian product over the parameters; distances last, as they may depend on the others."""
    simple = [parameter for parameter in algorithm.parameters if parameter.scale is not Scale.DISTANCE]
    derived = [parameter for parameter in algorithm.parameters if parameter.scale is Scale.DISTANCE]
    choices = [_resolved(grid, parameter, geometry, {}) for parameter in simple]
    for combination in itertools.product(*choices):
        known = dict(zip((parameter.name for parameter in simple), combination, strict=True))
        further = [_resolved(grid, parameter, geometry, known) for parameter in derived]
        for rest in itertools.product(*further):
            values = known | dict(zip((parameter.name for parameter in derived), rest, strict=True))
            yield {parameter.name: values[parameter.name] for parameter in algorithm.parameters}


def _resolved(grid: Grid, parameter: Parameter, geometry: Geometry, known: Params) -> list[ParameterValue]:
    """The values of one parameter, checked; those of a preset that can't work for this n are left out."""
    raw = _values(grid, parameter)
    values = _derive(raw, parameter, geometry, known) if isinstance(raw, Mapping) else _as_list(raw) or []
    if parameter.name in grid.chosen and not isinstance(raw, Mapping):
        return [parameter.check(grid.algorithm, value, geometry.n) for value in values]
    fitting = [value for value in values if _fits(value, parameter, geometry.n)]
    if not fitting and values:
        fitting = [max(int(parameter.minimum or 1), min(geometry.n, min(values)))]
    return [parameter.check(grid.algorithm, value) for value in fitting]


def _fits(value: Any, parameter: Parameter, n: int) -> bool:
    return parameter.scale not in (Scale.CLUSTER_COUNT, Scale.CLUSTER_SIZE) or value <= n


def _derive(rule: Mapping[str, Any], parameter: Parameter, geometry: Geometry, known: Params) -> list[ParameterValue]:
    n = geometry.n
    if "geometric" in rule:
        return list(_geometric(rule, parameter, n))
    if "range" in rule:
        first, last, step = (_end(end, n) for end in rule["range"])
        return list(range(first, last, step)) or [max(1, min(first, n))]
    if "neighbor_quantiles" in rule:
        rank = min(max(int(known.get("min_samples", 2)) - 1, 1), geometry.neighbors.k)
        distances = np.quantile(geometry.neighbors.core_distances(rank), rule["neighbor_quantiles"])
        return [_rounded(_in_metric(geometry, distance)) for distance in np.unique(distances)]
    heights = np.quantile(geometry.tree(1).weights, rule["merge_quantiles"])
    return [_rounded(1 - _in_metric(geometry, height)) for height in np.unique(heights)]


def _geometric(rule: Mapping[str, Any], parameter: Parameter, n: int) -> list[int]:
    if parameter.scale is Scale.CLUSTER_COUNT:
        low, high = min(FEWEST_CLUSTERS, max(2, n // 2)), n // 5
    else:
        low, high = min(SMALLEST_CLUSTER, max(2, n // 10)), n // 10
    low, high = int(rule.get("from", low)), int(rule.get("to", high))
    high = max(low, min(high, n, int(rule.get("most", n))))
    if rule["geometric"] == 1:
        return [round((low * high) ** 0.5)]
    return sorted({round(value) for value in np.geomspace(low, high, int(rule["geometric"]))})


def _end(end: Any, n: int) -> int:
    if isinstance(end, Mapping):
        return max(int(end.get("least", 1)), min(int(end.get("most", n)), n // int(end["per"])))
    return int(end)


def _in_metric(geometry: Geometry, euclidean: float) -> float:
    return euclidean**2 / 2 if geometry.metric == "cosine" else euclidean


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")


def _count_of(raw: Any, parameter: Parameter, n: int) -> int:
    if not isinstance(raw, Mapping):
        return max(1, sum(_fits(value, parameter, n) for value in _as_list(raw) or []))
    if "geometric" in raw:
        return len(_geometric(raw, parameter, n))
    if "range" in raw:
        return max(1, len(range(*(_end(end, n) for end in raw["range"]))))
    return len(next(iter(raw.values())))


RULES = {
    Scale.CLUSTER_COUNT: ("geometric", "range"),
    Scale.CLUSTER_SIZE: ("geometric", "range"),
    Scale.DISTANCE: ("neighbor_quantiles",),
    Scale.SIMILARITY: ("merge_quantiles",),
    Scale.PLAIN: (),
}


def _check(grid: Grid, algorithm: Algorithm) -> None:
    for space in grid.spaces:
        Space.parse(space)
        algorithm.check_space(space)
    for name, raw in grid.values.items():
        parameter = algorithm.parameter(name)
        if isinstance(raw, Mapping):
            rules = [rule for rule in RULES[parameter.scale] if rule in raw]
            unknown = set(raw) - set(RULES[parameter.scale]) - {"from", "to", "most"}
            if len(rules) != 1 or unknown:
                allowed = " or ".join(RULES[parameter.scale]) or "a list of values"
                raise UsageError(
                    f"{grid.algorithm}: {name}={shown(dict(raw))} is no rule for this parameter; use {allowed}"
                )
            problem = rule_problem(raw)
            if problem:
                raise UsageError(f"{grid.algorithm}: {name}={shown(dict(raw))}: {problem}")
        else:
            for value in _as_list(raw) or []:
                parameter.check(grid.algorithm, value)
    for parameter in algorithm.parameters:
        if parameter.default is None and parameter.name not in grid.values:
            raise UsageError(
                f"{grid.algorithm} needs {parameter.name}, which the preset does not give; "
                f"say for example --set sweep.{grid.algorithm}.{parameter.name}=[…]"
            )


def _values(grid: Grid, parameter: Parameter) -> Any:
    return grid.values.get(parameter.name, parameter.default)


def _default(algorithm: Algorithm, name: str) -> Any:
    return next((parameter.default for parameter in algorithm.parameters if parameter.name == name), None)


def _default_space(algorithm: Algorithm) -> str:
    return "pca:32" if algorithm.name == "gmm" else "none"


def _as_list(value: Any) -> list[Any] | None:
    if value is None:
        return None
    return list(value) if isinstance(value, list | tuple) else [value]
