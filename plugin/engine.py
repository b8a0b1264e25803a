"""Where the engine is: installed, or in this very repository; and what keeps it from working."""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
"""The repository, which holds the engine as well as the plugin."""

INSTALL = "fiftyone plugins requirements @imagesweep/clustering --install"


@dataclass(frozen=True)
class EngineState:
    """Whether operators can work.

    Attributes:
        problem: why they can't, with the remedy; None if they can.
        note: what is worth telling although they can; None if there is nothing.
    """

    problem: str | None = None
    note: str | None = None


@cache
def engine_state() -> EngineState:
    """Make ``import runner`` work where that is possible, and say whether it does.

    An installed engine is used as it is; only where there is none, that of the repository joins the end of the search
    path, so that nothing installed is ever hidden.
    """
    missing = _missing_requirements()
    if missing:
        names = ", ".join(missing)
        return EngineState(f"Packages are missing: {names}. Run `{INSTALL}`, then start the App again.")
    if str(ROOT) not in sys.path:
        sys.path.append(str(ROOT))
    try:
        engine = importlib.import_module("runner")
    except ImportError as error:
        return EngineState(f"The engine cannot be imported ({error}). Run `{INSTALL}`, then start the App again.")
    return _compared(engine)


def _missing_requirements() -> list[str]:
    """Requirements that are not installed, or only in too old a version."""
    from packaging.requirements import Requirement

    lines = (line.partition("#")[0].strip() for line in (ROOT / "requirements.txt").read_text("utf-8").splitlines())
    missing = []
    for requirement in (Requirement(line) for line in lines if line):
        try:
            if not requirement.specifier.contains(version(requirement.name), prereleases=True):
                missing.append(str(requirement))
        except PackageNotFoundError:
            missing.append(str(requirement))
    return missing


def _compared(engine: object) -> EngineState:
    """The imported package beside the one that lies in the repository."""
    place = Path(getattr(engine, "__file__", None) or "runner").resolve().parent
    found = getattr(engine, "__version__", None)
    if found is None or not hasattr(engine, "ExperimentConfig"):
        return EngineState(
            f"Another package named runner, in {place}, hides the engine; start the App without it in PYTHONPATH."
        )
    own = _own_version()
    if place != ROOT / "runner" and found != own:
        return EngineState(
            note=f"The installed engine ({found}, in {place}) is used, not the {own} that came with this plugin; "
            f"`pip install {ROOT}` brings both to the same version."
        )
    return EngineState()


def _own_version() -> str:
    import yaml

    return str(yaml.safe_load((ROOT / "fiftyone.yml").read_text("utf-8"))["version"])
