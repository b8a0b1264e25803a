"""The house keeps its order: data flows down the rooms, and imports go one way."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import runner

ROOT = Path(runner.__path__[0])
ROOMS = (
    *("utils", "images", "embed", "cluster", "config", "score", "results", "naming", "report", "engine"),
    *("duplicates", "integrations", "experiment", "export", "similar", "commands"),
)
"""A module imports from its own room and from those before it, never from one after it."""

FOR_ALL = ("runner.errors", "runner.version")
ENTRANCES = ("runner", "runner.__main__", "runner.cli")
"""Modules outside of the rooms: what anyone may import, and what may import anything."""


def _modules() -> dict[str, Path]:
    modules = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = ("runner", *path.relative_to(ROOT).with_suffix("").parts)
        modules[".".join(parts).removesuffix(".__init__")] = path
    return modules


def _imports(path: Path, modules: dict[str, Path]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "runner":
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in modules else node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "runner")


def test_every_module_has_a_room() -> None:
    outside = [name for name in _modules() if name not in (*FOR_ALL, *ENTRANCES) and name.split(".")[1] not in ROOMS]
    assert not outside


def test_imports_go_one_way() -> None:
    modules = _modules()
    wrong = [
        f"{name} imports {imported}"
        for name, path in modules.items()
        if name not in (*FOR_ALL, *ENTRANCES)
        for imported in _imports(path, modules)
        if imported not in FOR_ALL
        and (imported in ENTRANCES or ROOMS.index(imported.split(".")[1]) > ROOMS.index(name.split(".")[1]))
    ]
    assert not wrong


def test_no_modules_import_each_other_in_a_circle() -> None:
    modules = _modules()
    graph = {name: set(_imports(path, modules)) - {name} for name, path in modules.items() if name not in ENTRANCES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        raise AssertionError(" imports ".join(reversed(error.args[1]))) from None


def test_what_anyone_may_import_imports_nothing() -> None:
    modules = _modules()
    assert not [name for name in FOR_ALL if list(_imports(modules[name], modules))]


def test_model_families_are_told_apart_by_their_own_modules_only() -> None:
    told = [name for name, path in _modules().items() if re.search(r"\bLibrary\.[A-Z]", path.read_text())]
    assert [name for name in told if not name.startswith("runner.embed.families.")] == []
