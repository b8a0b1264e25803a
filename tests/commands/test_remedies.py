"""What a message tells someone to type can be typed: every command, flag and setting that one names is there."""

from __future__ import annotations

import argparse
import ast
import functools
import re
import shlex
from pathlib import Path
from typing import Any

import plugin
import runner
from runner.commands import COMMANDS
from runner.config.experiment import ExperimentConfig

_FLAG = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
_COMMAND = re.compile(r"`(runner [^`]+)`|^  (runner .+?)(?:   .*)?$", re.MULTILINE)
_FLAGS_OF_OTHERS = {"--install": "fiftyone plugins requirements", "--experiment-id": "mlflow experiments restore"}
_COMPLETE = ("runner undo", "runner clean", "runner cache", "runner ui", "runner models")


def _commands() -> dict[str, argparse.ArgumentParser]:
    subparsers = argparse.ArgumentParser(prog="runner").add_subparsers()
    for command in COMMANDS:
        command.add(subparsers)
    return dict(subparsers.choices)


@functools.cache
def _texts() -> list[tuple[str, str]]:
    """Where every string of several words stands that a person may get to read, and the string; X is filled in."""
    texts = []
    for package in (runner, plugin):
        root = Path(next(iter(package.__path__)))
        for path in sorted(root.rglob("*.py")):
            nodes: list[Any] = [ast.parse(path.read_text())]
            while nodes:
                node = nodes.pop()
                text = _text(node)
                if text is None:
                    nodes += (child for child in ast.iter_child_nodes(node) if not _is_docstring(child))
                elif " " in text:
                    texts.append((f"{path.relative_to(root.parent)}:{node.lineno}", text))
    return texts


def _text(node: ast.AST) -> str | None:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) or "X" for part in node.values)
    return None


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def test_every_command_that_a_message_names_is_there() -> None:
    commands = _commands()
    seen = set()
    for where, text in _texts():
        for found in _COMMAND.finditer(text):
            _, name, *words = shlex.split(found[1] or found[2])
            assert name in commands, f"{where}: there is no `runner {name}`"
            seen.add(name)
            for word in words:
                flag = _FLAG.fullmatch(word)
                assert not flag or word in commands[name]._option_string_actions, (
                    f"{where}: runner {name} has no {word}"
                )
    assert seen >= {"experiment", "cache", "undo", "clean", "export", "models", "ui"}


def test_a_command_that_a_message_spells_out_can_be_parsed() -> None:
    commands = _commands()
    parsed = 0
    for where, text in _texts():
        for found in _COMMAND.finditer(text):
            line = found[1] or found[2]
            _, name, *words = shlex.split(line)
            if words and (found[2] or line.startswith(_COMPLETE)):
                try:
                    commands[name].parse_args(words)
                except SystemExit:
                    raise AssertionError(f"{where}: `{line}` can't be parsed") from None
                parsed += 1
    assert parsed > 20


def test_every_flag_that_a_message_names_is_there() -> None:
    known = {flag for command in _commands().values() for flag in command._option_string_actions} | {"--version"}
    for where, text in _texts():
        for flag in _FLAG.findall(text):
            assert flag in known or _FLAGS_OF_OTHERS.get(flag, "\0") in text, f"{where}: no command has {flag}"


def test_every_setting_that_a_message_names_is_there() -> None:
    for where, text in _texts():
        for setting in re.findall(r"--set ([a-z_]+)", text):
            assert setting in ExperimentConfig.model_fields, f"{where}: there is no setting {setting}"
