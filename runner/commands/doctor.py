"""``runner doctor``: what works on this machine."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from runner.commands.settings import add_setting
from runner.commands.subparsers import add_command
from runner.config import ExperimentConfig


def add(commands: Any) -> None:
    command = add_command(commands, "doctor", "say what works on this machine, and what would help", run)
    add_setting(command, "cache_dir")


def run(options: argparse.Namespace) -> None:
    from runner.doctor import examine

    cache_dir = Path(getattr(options, "cache_dir", ExperimentConfig.model_fields["cache_dir"].default))
    examine(cache_dir, say=print)
