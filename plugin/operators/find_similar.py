"""*Find similar*: nearest neighbours of samples or of a file, and who shares their cluster in the best trials."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fiftyone.operators.types as types

from ..base.forms import HALF, choose_one
from ..base.operator import FormOperator, grid_button
from ..base.targets import selected_ids
from ..results.choices import choose_experiment, chosen_experiment
from ..results.opened import open_finished

if TYPE_CHECKING:
    from runner.similar.find import SimilarImages

_SOURCES = {"selected": "Samples ticked in the grid", "path": "A file on this machine", "upload": "An uploaded file"}
_SHOWN = 20


class FindSimilar(FormOperator):
    slug = "find_similar"
    label = "Find similar"
    description = (
        "Nearest neighbours of samples or of a file, and those that share their cluster in most of the best trials"
    )
    icon = "image_search"
    risk = types.RiskLevel.LOW

    def resolve_placement(self, ctx: Any) -> types.Placement | None:
        return grid_button(self.label, self.icon) if ctx.selected else None

    def form(self, ctx: Any, inputs: types.Object) -> None:
        choose_experiment(ctx, inputs)
        selected = bool(ctx.selected or ctx.current_sample)
        choose_one(inputs, "source", _SOURCES, default="selected" if selected else "path", label="Similar to")
        source = _source(ctx)
        if source == "selected":
            ids = selected_ids(ctx, 1, "whose like you want to find")
            inputs.view("queries", types.Notice(label=f"{len(ids)} samples" if len(ids) > 1 else "One sample"))
        elif source == "path":
            inputs.str("path", required=True, label="File")
        else:
            inputs.uploaded_file("upload", required=True, label="Image", view=types.FileView(types="image/*"))
        inputs.int("count", default=30, min=1, max=1000, label="How many", view=types.View(space=HALF))
        inputs.int("top", default=5, min=1, max=50, label="Best trials that vote", view=types.View(space=HALF))

    def work(self, ctx: Any) -> dict[str, Any]:
        from runner.similar.config import SimilarConfig
        from runner.similar.find import find_similar

        run, params = chosen_experiment(ctx), ctx.params
        with _queries(ctx) as queries:
            config = SimilarConfig(
                queries=queries, results=run.out, count=params.get("count") or 30, top=params.get("top") or 5
            )
            found = find_similar(config, finished=open_finished(ctx.dataset, run.out))
        rows = _rows(ctx.dataset, found)
        known = [found.images.ids[each.query.row] for each in found.results if each.query.row is not None]
        shown = list(dict.fromkeys([*known, *(row["id"] for row in rows)]))
        ctx.ops.set_view(ctx.dataset.select(shown, ordered=True))
        ctx.ops.notify(f"{len(rows)} samples, the most similar first", variant="success")
        return {"rows": rows[:_SHOWN], "ids": shown}

    def resolve_output(self, ctx: Any) -> types.Property:
        outputs = types.Object()
        view = types.TableView()
        for key, title in {"name": "Sample", "similarity": "Similarity", "mates": "Same cluster in"}.items():
            view.add_column(key, label=title)
        outputs.list("rows", types.Object(), view=view)
        return types.Property(outputs, view=types.View(label=self.label))


def _source(ctx: Any) -> str:
    return ctx.params.get("source") or ("selected" if ctx.selected or ctx.current_sample else "path")


@contextmanager
def _queries(ctx: Any) -> Iterator[tuple[str, ...]]:
    """What to look for: sample ids, or the file that was named or uploaded."""
    from runner.errors import UsageError

    source = _source(ctx)
    if source == "selected":
        yield tuple(selected_ids(ctx, 1, "whose like you want to find"))
    elif source == "path":
        yield (ctx.params["path"],)
    else:
        upload = ctx.params.get("upload") or {}
        if not upload.get("content"):
            raise UsageError("The upload is empty; choose an image.")
        from runner.utils.scratch import scratch_folder

        with scratch_folder() as folder:
            path = folder / Path(upload.get("name") or "upload").name
            path.write_bytes(base64.b64decode(upload["content"].rpartition(",")[2]))
            yield (str(path),)


def _rows(dataset: Any, found: SimilarImages) -> list[dict[str, str]]:
    """A row per sample that was found, the most similar first: its best similarity, and how many trials agree."""
    similarity: dict[str, float] = {}
    votes: dict[str, int] = {}
    for result in found.results:
        for neighbors in result.neighbors:
            for row, value in zip(neighbors.rows.tolist(), neighbors.similarities.tolist(), strict=True):
                name = found.images.ids[row]
                similarity[name] = max(value, similarity.get(name, -1.0))
        for mate in result.mates:
            name = found.images.ids[mate.row]
            votes[name] = max(mate.trials, votes.get(name, 0))
            similarity[name] = max(mate.similarity, similarity.get(name, -1.0))
    ids = sorted(similarity, key=lambda name: -similarity[name])
    files = dict(zip(*dataset.select(ids).values(["id", "filepath"]), strict=True))
    return [
        {
            "id": name,
            "name": Path(files[name]).name,
            "similarity": f"{similarity[name]:.3f}",
            "mates": f"{votes.get(name, 0)} of {len(found.trials)} trials",
        }
        for name in ids
        if name in files
    ]
