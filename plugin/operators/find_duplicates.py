"""*Find near-duplicates*: the threshold by looking, groups as a field, and what becomes of the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import fiftyone.operators.types as types

from ..base.forms import HALF, choose_one
from ..base.operator import FormOperator, grid_button, refuse
from ..duplicates.threshold_chart import threshold_layout, threshold_traces, told
from ..duplicates.threshold_pairs import add_pairs
from ..results.choices import choose_experiment, chosen_experiment
from ..results.opened import links_and_curve, present_groups
from . import take_threshold

if TYPE_CHECKING:
    from pathlib import Path

    from runner.cluster.graph.threshold_curve import ThresholdCurve

_METHODS = {
    "embedding": "Alike to the model: crops, edits, other shots of the same thing",
    "hash": "Alike in its pixels: re-encoded and resized copies",
    "orb": "The same keypoints, wherever they lie: turned and cropped copies of detailed pictures",
    "template": "The middle of each found in the other: small shifts and crops",
    "ssim": "The same structure everywhere: re-encoded and resized copies, nothing shifted",
    "minhash": "Corners in the same places: quick and coarse",
    "dhash": "Difference hash: the same gradients",
    "ahash": "Average hash: the same bright and dark parts",
    "whash": "Wavelet hash: the same coarse shapes",
    "exact": "The very same file contents",
}
_WITHOUT_READING = ("embedding", "exact")
"""Methods for which no picture is decoded."""

AT_ONCE = 1000
"""Pictures that the form decodes without being asked to."""

_RESTS = {
    "nothing": "Leave them as they are",
    "tag": "Tag them 'duplicate'",
    "delete": "Delete them from the dataset (their files stay)",
}
TAG = "duplicate"


class FindDuplicates(FormOperator):
    slug = "find_duplicates"
    label = "Find near-duplicates"
    description = (
        "Group images that are the same or nearly so; choose the threshold by looking, keep the best of each group"
    )
    icon = "filter_none"
    risk = types.RiskLevel.HIGH

    def resolve_placement(self, ctx: Any) -> types.Placement:
        return grid_button(self.label, self.icon)

    def form(self, ctx: Any, inputs: types.Object) -> None:
        run = choose_experiment(ctx, inputs)
        choose_one(inputs, "method", _METHODS, default="embedding", label="Duplicates are")
        method = ctx.params.get("method") or "embedding"
        keys = _embeddings(run.out)
        if method == "embedding" and len(keys) > 1:
            choose_one(inputs, "embedding", keys, default=next(iter(keys)), label="By the embedding")
        if method not in _WITHOUT_READING and run.n_images > AT_ONCE:
            inputs.bool(
                "compare",
                default=False,
                label=f"Compare {run.n_images:,} images",
                description="Every file is read, which takes minutes for some thousands; then the thresholds are shown",
                view=types.CheckboxView(),
            )
            if not ctx.params.get("compare"):
                refuse(inputs, "Tick the box to compare the images.", name="not_compared")
                return
        links, curve = links_and_curve(ctx.dataset, run.out, method, _embedding(ctx))
        if not len(curve.thresholds):
            inputs.view("found", types.Notice(label="No two images are duplicates of this kind."))
        else:
            threshold, reason = _threshold(ctx, curve)
            notice = types.Notice(label=told(curve.at(threshold)) + reason)
            if method == "exact":
                inputs.view("found", notice)
            else:
                _add_curve(ctx, inputs, curve, threshold, links.images.paths)
                inputs.view("found", notice)
                add_pairs(inputs, links.images.paths, curve.at(threshold))
                inputs.float(
                    "threshold",
                    min=-1,
                    max=1,
                    label="Similarity from which on images are duplicates",
                    description="Click on the plot, or type it. "
                    f"Empty: {curve.knee().threshold:.4f}, where {curve.knee().reason}",
                )
        _add_consequences(ctx, inputs)

    def work(self, ctx: Any) -> dict[str, Any]:
        from runner.duplicates.groups import duplicate_groups
        from runner.integrations.fiftyone.duplicate_field import write_duplicate_field

        dataset, params = ctx.dataset, ctx.params
        run = chosen_experiment(ctx)
        method = params.get("method") or "embedding"
        links, curve = links_and_curve(dataset, run.out, method, _embedding(ctx))
        threshold, _ = _threshold(ctx, curve)
        groups = present_groups(links, duplicate_groups(links, threshold, params.get("keep_per_group") or 1))
        if not groups:
            ctx.ops.notify("No duplicates found.", variant="info")
            return {"groups": 0, "rest": 0}
        described = f"{links.measure}, from {threshold:.4g}"
        field = write_duplicate_field(
            dataset, groups, links.images, name=params.get("field") or "duplicates", description=described
        )
        rest = [name for group in groups for row in group.dropped for name in links.images.names_of(row)]
        done = _deal_with(dataset, params.get("rest") or "nothing", rest)
        ctx.ops.reload_dataset()
        ctx.ops.set_view(dataset.exists(field).sort_by([(f"{field}.label", 1), (f"{field}.confidence", -1)]))
        ctx.ops.notify(f"{len(groups)} groups in the field {field}; {len(rest)} samples {done}", variant="success")
        return {"groups": len(groups), "rest": len(rest), "field": field, "threshold": threshold}


def _add_curve(
    ctx: Any, inputs: types.Object, curve: ThresholdCurve, threshold: float, paths: tuple[Path, ...]
) -> None:
    inputs.plot(
        "curve",
        data=threshold_traces(curve, threshold, paths),
        layout=threshold_layout(curve),
        config={"displayModeBar": False},
        on_click=take_threshold.URI,
        **{take_threshold.FORM: dict(ctx.params)},
    )


def _add_consequences(ctx: Any, inputs: types.Object) -> None:
    inputs.str("field", default="duplicates", label="Field for the groups", view=types.View(space=HALF))
    inputs.int("keep_per_group", default=1, min=1, label="Keep of each group", view=types.View(space=HALF))
    inputs.view(
        "kept", types.Notice(label="Largest picture first, then the sharpest; further ones for their diversity.")
    )
    choose_one(inputs, "rest", _RESTS, default="nothing", label="The rest")
    if ctx.params.get("rest") == "delete":
        inputs.bool("confirmed", default=False, label="Delete the samples", view=types.CheckboxView())
        if not ctx.params.get("confirmed"):
            refuse(inputs, "Tick the box to delete them.", name="not_confirmed")


def _threshold(ctx: Any, curve: ThresholdCurve) -> tuple[float, str]:
    chosen = ctx.params.get("threshold")
    if chosen is not None:
        return float(chosen), ""
    return curve.knee().threshold, " This is the knee of the curve." if len(curve.thresholds) else ""


def _embedding(ctx: Any) -> str | None:
    return ctx.params.get("embedding") if (ctx.params.get("method") or "embedding") == "embedding" else None


def _embeddings(out: Path) -> dict[str, str]:
    """Names of the experiment's embeddings by their keys, that of the best trial first."""
    from runner.results.display_names import embedding_names
    from runner.results.files import read_summary

    summary = read_summary(out)
    names = embedding_names(summary.embeddings)
    best = summary.trial(summary.ranking[0]).embedding if summary.ranking else next(iter(names))
    return {best: names[best], **names}


def _deal_with(dataset: Any, rest: str, ids: list[str]) -> str:
    """What becomes of the duplicates that are not kept; what was done, in words."""
    if rest == "tag":
        dataset.select(ids).tag_samples(TAG)
        return f"tagged {TAG!r}"
    if rest == "delete":
        dataset.delete_samples(ids)
        return "deleted from the dataset"
    return "could go"
