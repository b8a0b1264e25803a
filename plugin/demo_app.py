"""``make app``: the App with this plugin and a dataset of demo images, on this machine alone."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from .engine import ROOT, engine_state

DATASET = "imagesweep-demo"
LINK = "imagesweep"
PLUGIN = "@imagesweep/clustering"


def main() -> int:
    """Load the images, make the plugin visible, start a worker for scheduled runs, and open the App until Ctrl-C."""
    options = _options()
    state = engine_state()
    if state.problem is not None:
        print(state.problem, file=sys.stderr)
        return 1
    os.environ.setdefault("FIFTYONE_ALLOW_LEGACY_ORCHESTRATORS", "true")  # the App shows scheduled runs
    from runner.errors import RunnerError
    from runner.integrations.fiftyone.connection import import_fiftyone

    try:
        fiftyone = import_fiftyone()
        dataset = demo_dataset(fiftyone)
        _make_visible(fiftyone)
    except RunnerError as error:
        print(error, file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends it as Ctrl-C does, with all that it started
    with _worker(), suppress(KeyboardInterrupt):
        session = fiftyone.launch_app(dataset, address="127.0.0.1", port=options.port, remote=options.no_open)
        print(f"The App is at http://127.0.0.1:{session.server_port}/datasets/{DATASET}; press Ctrl-C to stop.")
        session.wait(-1)
    return 0


def demo_dataset(fiftyone: Any) -> Any:
    """The demo images as a persistent dataset, labelled by kind; the one that is there already, if it is.

    Raises:
        RunnerError: the images cannot be written, or the database can't be reached.
    """
    from runner.images.demo_images import write_demo_images
    from runner.integrations.fiftyone.connection import database_errors

    with database_errors():
        if fiftyone.dataset_exists(DATASET):
            return fiftyone.load_dataset(DATASET)
        folder = Path(fiftyone.config.default_dataset_dir).expanduser() / DATASET
        write_demo_images(folder)
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        dataset = fiftyone.Dataset(DATASET, persistent=True)
        dataset.add_samples(
            [fiftyone.Sample(str(file), kind=fiftyone.Classification(label=file.parent.name)) for file in files]
        )
        return dataset


def _make_visible(fiftyone: Any) -> None:
    """A link to this repository among the user's plugins, unless the plugin is there already."""
    import fiftyone.plugins as plugins

    if PLUGIN in plugins.list_downloaded_plugins():
        return
    folder = Path(fiftyone.config.plugins_dir).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / LINK
    if link.exists() or link.is_symlink():
        print(f"{link} is there already and is not this plugin; it stays, and the App may miss ours", file=sys.stderr)
        return
    link.symlink_to(ROOT)
    print(f"The plugin is linked as {link}; delete the link to remove it.")


@contextmanager
def _worker() -> Iterator[None]:
    """``fiftyone delegated launch`` beside the App."""
    from runner.utils.lifeline import tied

    command = [str(Path(sys.executable).with_name("fiftyone")), "delegated", "launch"]
    with subprocess.Popen(tied(command), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL):
        yield  # what ends the worker is that its input ends


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m plugin.demo_app", description=__doc__)
    parser.add_argument("--port", type=int, default=5151, help="port on 127.0.0.1 (default: 5151)")
    parser.add_argument("--no-open", action="store_true", help="do not open a browser")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
