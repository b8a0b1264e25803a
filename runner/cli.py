"""The command line: parsing only. Every command hands over to the module that does the work."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

from runner import __version__
from runner.config import ExperimentConfig
from runner.errors import RunnerError, UsageError

DESCRIPTION = "Embed images under several models, sweep clusterings over them, rank them, and see what is in the heap."

EXAMPLES = """\
examples:
  runner demo                                                       a tour that needs no network
  runner experiment --images photos --models ViT-B-32 ViT-L-14      compare two models
  runner experiment --images photos --sample 1% --mode fast         a first look
  runner experiment --images photos --algorithms hdbscan            one algorithm
  runner experiment --embeddings vectors.npy --paths paths.json     vectors you already have
  runner ui results                                                 the MLflow page of an experiment
"""

GROUPS: dict[str, tuple[str, ...]] = {
    "images": ("images", "embeddings", "paths", "labels", "sample", "target", "pairs", "pair_weight"),
    "embedding": (
        "models",
        "resolutions",
        "preprocess",
        "precision",
        "device",
        "batch_size",
        "force_embeddings",
        "cache_dir",
    ),
    "clustering": ("mode", "algorithms", "spaces", "max_trials", "trial_timeout", "seed", "workers"),
    "results": ("out", "experiment_name", "tracking_uri", "top", "fresh"),
}
"""Settings that have a flag, by the section of the help text; the others are reached by ``--set``."""

METAVARS = {
    "images": "DIR",
    "embeddings": "FILE",
    "paths": "FILE",
    "pairs": "FILE",
    "target": "PATH",
    "models": "MODEL",
    "resolutions": "PIXELS",
    "preprocess": "FIT",
    "precision": "FORMAT",
    "batch_size": "N",
    "cache_dir": "DIR",
    "algorithms": "NAME",
    "spaces": "SPACE",
    "max_trials": "N",
    "trial_timeout": "SECONDS",
    "seed": "N",
    "workers": "N",
    "out": "DIR",
    "experiment_name": "NAME",
    "tracking_uri": "URI",
    "top": "N",
}

EMBED_SETTINGS = ("images", "sample", "seed", *GROUPS["embedding"], "workers")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit status is 0 done, 1 failed, 2 bad usage, 3 no usable clustering."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        options.run(options)
    except RunnerError as error:
        print(f"runner: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        print("runner: interrupted; the same command resumes", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        where = f" {error.filename}:" if error.filename else ""
        print(f"runner:{where} {error.strerror or error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="runner",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"imagesweep {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_experiment(commands)
    _add_embed(commands)
    _add_models(commands)
    _add_cache(commands)
    _add_ui(commands)
    _add_report(commands)
    _add_demo(commands)
    return parser


def _add_experiment(commands: Any) -> None:
    command = _command(commands, "experiment", "embed, sweep, score, rank, log and report", _run_experiment)
    for title, names in GROUPS.items():
        group = command.add_argument_group(title)
        for name in names:
            _add_setting(group, name)
    group = command.add_argument_group("settings")
    group.add_argument("--config", type=Path, metavar="FILE", help="YAML file of settings; flags win over it")
    group.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any setting by its path, e.g. sweep.kmeans.n_clusters=[10,20]; may be repeated",
    )
    group.add_argument("--dry-run", action="store_true", help="print the resolved plan and stop")


def _add_embed(commands: Any) -> None:
    command = _command(commands, "embed", "embed images into the cache, without clustering them", _run_embed)
    for name in EMBED_SETTINGS:
        _add_setting(command, name)


def _add_models(commands: Any) -> None:
    command = _command(commands, "models", "list known models and their weights", _run_models)
    command.add_argument("pattern", nargs="?", default="", help="only names that contain this")


def _add_cache(commands: Any) -> None:
    command = _command(commands, "cache", "look after the embedding cache", _run_cache)
    command.add_argument("action", choices=("ls", "verify", "prune"), help="list, look for damage, or delete")
    command.add_argument("keys", nargs="*", metavar="KEY", help="only these embeddings (default: all)")
    command.add_argument("--older-than", type=float, metavar="DAYS", help="prune: only what was not used for so long")
    _add_setting(command, "cache_dir")


def _add_ui(commands: Any) -> None:
    command = _command(commands, "ui", "open the MLflow page of an experiment", _run_ui)
    command.add_argument("out", type=Path, nargs="?", default=Path("results"), help="results folder (default: results)")
    command.add_argument("--port", type=int, help="port on 127.0.0.1 (default: a free one from 5000)")
    command.add_argument("--no-open", action="store_true", help="print the address only")


def _add_report(commands: Any) -> None:
    command = _command(commands, "report", "print the ranking of a finished experiment", _run_report)
    command.add_argument("out", type=Path, nargs="?", default=Path("results"), help="results folder (default: results)")
    command.add_argument("--top", type=int, default=10, help="how many trials (default: 10)")


def _add_demo(commands: Any) -> None:
    command = _command(
        commands, "demo", "run everything on real images that come with installed packages; no network", _run_demo
    )
    command.add_argument(
        "--out", type=Path, default=Path("demo-results"), help="results folder (default: demo-results)"
    )


def _command(commands: Any, name: str, summary: str, run: Callable[[argparse.Namespace], None]) -> Any:
    command = commands.add_parser(name, help=summary, description=summary[:1].upper() + summary[1:] + ".")
    command.set_defaults(run=run)
    return command


def _add_setting(group: Any, name: str) -> None:
    """The flag of one setting, with its help text and default from ``ExperimentConfig``."""
    field = ExperimentConfig.model_fields[name]
    flag = f"--{name.replace('_', '-')}"
    text = field.description or ""
    kind = _plain_type(field.annotation)
    if kind is bool:
        group.add_argument(flag, dest=name, action="store_true", default=argparse.SUPPRESS, help=text)
        return
    choices = _enumeration(kind)
    if choices:
        text += f": {', '.join(choices)}"
    if field.default not in (None, ()):
        shown = field.default if not isinstance(field.default, tuple) else " ".join(map(str, field.default))
        text += f" (default: {shown})"
    many = get_origin(kind) is tuple
    group.add_argument(
        flag,
        dest=name,
        nargs="+" if many else None,
        default=argparse.SUPPRESS,
        metavar=METAVARS.get(name, name.upper()),
        help=text,
    )


def _plain_type(annotation: Any) -> Any:
    """The annotation without ``None``."""
    if get_origin(annotation) in (Union, UnionType):
        kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
        return kinds[0]
    return annotation


def _enumeration(kind: Any) -> list[str]:
    """The values of an enumeration, or of a tuple of its members."""
    inner = get_args(kind)[0] if get_origin(kind) is tuple else kind
    return [member.value for member in inner] if isinstance(inner, type) and issubclass(inner, StrEnum) else []


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    return {name: value for name, value in vars(options).items() if name in ExperimentConfig.model_fields}


def _run_experiment(options: argparse.Namespace) -> None:
    from runner.config_file import load_config

    config = load_config(_settings(options), file=options.config, assignments=options.set)
    from runner.experiment import plan_experiment, run_experiment

    if options.dry_run:
        print("\n".join(plan_experiment(config).lines(details=True)))
        return
    run_experiment(config, say=print)


def _run_embed(options: argparse.Namespace) -> None:
    from runner.config_file import load_config

    if not hasattr(options, "images"):
        raise UsageError("runner embed needs --images FOLDER")
    config = load_config(_settings(options))
    from runner.experiment import embed_only

    embed_only(config, say=print)


def _run_models(options: argparse.Namespace) -> None:
    from runner.embed.commands import list_models

    for line in list_models(options.pattern):
        print(line)


def _run_cache(options: argparse.Namespace) -> None:
    from runner.embed.commands import run_cache_command

    cache_dir = Path(getattr(options, "cache_dir", ExperimentConfig.model_fields["cache_dir"].default))
    run_cache_command(options.action, cache_dir, options.keys, older_than_days=options.older_than, say=print)


def _run_ui(options: argparse.Namespace) -> None:
    from runner.track.server import show_experiment

    show_experiment(options.out, port=options.port, open_browser=not options.no_open)


def _run_report(options: argparse.Namespace) -> None:
    from runner.output.ranking_table import ranking_lines
    from runner.output.result_files import read_summary

    print("\n".join(ranking_lines(read_summary(options.out), options.top)))


def _run_demo(options: argparse.Namespace) -> None:
    from runner.demo import run_demo

    run_demo(options.out, say=print)


if __name__ == "__main__":
    sys.exit(main())
