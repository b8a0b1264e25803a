"""The fields of *Run clustering experiment*: the few that matter first, the rest behind a switch."""

from __future__ import annotations

from functools import cache
from typing import Any

import fiftyone.operators.types as types

from ..base.forms import HALF, choose_many, choose_one, heading, type_or_choose_many
from .workspace import default_folder, free_name

_FITS = {"letterbox": "Letterbox: whole image, padded", "center_crop": "Centre crop", "resize": "Resize: stretched"}
_MODES = {
    "debug": "Debug: about 3 trials per embedding",
    "fast": "Fast: about 20",
    "balanced": "Balanced: about 100",
    "comprehensive": "Comprehensive: about 350",
    "classic": "Classic: the grid of earlier tools, about 370",
}
_SIZES = ("224", "256", "288", "336", "384", "448")
_SPACES = ("none", "pca:32", "pca:64", "pca:128", "umap:5", "umap:10")


def add_experiment_fields(ctx: Any, inputs: types.Object) -> None:
    """All fields, with defaults that need no second thought."""
    _add_what(ctx, inputs)
    _add_models(inputs)
    _add_clusterings(inputs)
    inputs.bool("advanced", default=False, label="More settings", view=types.SwitchView())
    if ctx.params.get("advanced"):
        _add_more_settings(ctx, inputs)


def _add_what(ctx: Any, inputs: types.Object) -> None:
    inputs.str(
        "name",
        default=free_name(ctx.dataset),
        label="Name of the experiment",
        description="And of the MLflow experiment; that of an interrupted one resumes it",
        view=types.View(space=HALF),
    )
    inputs.str(
        "sample",
        required=False,
        label="Sample",
        description="A share such as 5%, or a count such as 1000; empty: all images",
        view=types.View(space=HALF),
    )


def _add_models(inputs: types.Object) -> None:
    heading(inputs, "models_heading", "Embeddings", "Every model at every resolution and fit is one embedding")
    type_or_choose_many(
        inputs,
        "models",
        _model_names(),
        default=["efficientnet_lite0"],
        label="Models",
        description="ARCHITECTURE:WEIGHTS, timm/NAME, ARCHITECTURE:/path/to/checkpoint; efficientnet_lite0 is bundled",
    )
    type_or_choose_many(
        inputs, "resolutions", _SIZES, label="Resolutions in pixels", description="Empty: each model's own", space=HALF
    )
    choose_many(
        inputs,
        "preprocess",
        _FITS,
        default=["letterbox"],
        label="Fits",
        description="How an image is brought into the square",
        space=HALF,
    )


def _add_clusterings(inputs: types.Object) -> None:
    from runner.cluster.algorithms import ALGORITHMS

    heading(inputs, "clustering_heading", "Clusterings")
    choose_one(
        inputs,
        "mode",
        _MODES,
        default="fast",
        label="Trials",
        description="How many clusterings of each embedding",
        space=HALF,
    )
    choose_many(
        inputs,
        "algorithms",
        {name: name for name in ALGORITHMS},
        label="Only these algorithms",
        description="Empty: those of the preset",
        space=HALF,
    )
    inputs.int(
        "top",
        default=3,
        min=0,
        max=20,
        label="Write the best trials as fields",
        description="Others can be written later with Write cluster labels",
    )


def _add_more_settings(ctx: Any, inputs: types.Object) -> None:
    type_or_choose_many(
        inputs, "spaces", _SPACES, label="Spaces", description="none, pca:N or umap:N; empty: those of the preset"
    )
    fields = _label_fields(ctx.dataset)
    if fields:
        choose_one(
            inputs,
            "labels",
            {name: name for name in fields},
            label="Reference labels",
            description="Trials are scored against them as well; they play no part in the ranking",
        )
    inputs.int("max_trials", min=1, label="At most so many trials per embedding")
    inputs.int("seed", default=42, min=0, label="Seed")
    inputs.str("device", default="auto", label="Device", description="auto, cpu, cuda, cuda:1 or mps")
    inputs.int("batch_size", default=32, min=1, label="Batch size")
    inputs.bool(
        "retry_failed",
        default=False,
        label="Try failed trials again",
        description="Of an experiment that is resumed; those that lacked memory, disk space or a process always are",
    )
    inputs.str(
        "tracking_uri",
        required=False,
        label="MLflow tracking URI",
        description="http(s)://host:port or sqlite:///file (empty: MLFLOW_TRACKING_URI where the App has it, or else a "
        "file beside the results)",
    )
    name = ctx.params.get("name") or free_name(ctx.dataset)
    inputs.str("out", required=False, label="Results folder", description=f"Empty: {default_folder(ctx.dataset, name)}")


@cache
def _model_names() -> tuple[str, ...]:
    """Models that have weights: the bundled one, all of open_clip's, and timm's by their usual weights. Looked up once,
    as a form answers every keystroke."""
    from runner.embed.resolve_models import known_models

    return tuple(
        "efficientnet_lite0" if model.location == "bundled" else model.name
        for model in known_models()
        if model.location != "no published weights" and (model.is_default or not model.name.startswith("timm/"))
    )


def _label_fields(dataset: Any) -> list[str]:
    """Fields of classifications or strings that are not ours."""
    import fiftyone as fo

    from runner.integrations.fiftyone.experiment_runs import experiment_runs

    own = {name for run in experiment_runs(dataset) for name in run.fields}
    names = []
    for name, field in dataset.get_field_schema().items():
        is_text = isinstance(field, fo.StringField) and name != "filepath"
        is_label = isinstance(field, fo.EmbeddedDocumentField) and issubclass(field.document_type, fo.Classification)
        if (is_text or is_label) and name not in own:
            names.append(name)
    return names
