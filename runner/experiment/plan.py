"""What an experiment will do, told before it does it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from runner.cluster.grids import Grid, count, grids_of_embedding, looks_at_images
from runner.embed.pipeline import EmbeddingPlan
from runner.images.image_set import SkippedImage
from runner.images.left_out import left_out_lines


@dataclass(frozen=True)
class Plan:
    """The work ahead.

    Attributes:
        location: where the images come from.
        n_images: after sampling; a file with several names is one image.
        n_names: the names of their files.
        total: images before sampling.
        skipped: files that can't be taken.
        embeddings: what they cost.
        grids: what is swept over each embedding.
        max_trials: limit per embedding.
        out: results folder.
        tracking_uri: MLflow store.
        machine: what of the machine is used, as a line.
        notes: what else is worth telling.
        unread_kinds: how many files that are no pictures are left out, by kind.
    """

    location: str
    n_images: int
    n_names: int
    total: int
    skipped: Sequence[SkippedImage]
    embeddings: Sequence[EmbeddingPlan]
    grids: Sequence[Grid]
    max_trials: int | None
    out: str
    tracking_uri: str
    machine: str = ""
    notes: Sequence[str] = ()
    unread_kinds: Mapping[str, int] = field(default_factory=dict)

    @property
    def trials_per_embedding(self) -> int:
        """Of the first; the others may have fewer."""
        return self._trials(0)

    @property
    def trials(self) -> int:
        return sum(map(self._trials, range(len(self.embeddings))))

    def _trials(self, embedding: int) -> int:
        trials = count(grids_of_embedding(self.grids, embedding), self.n_images)
        return trials if self.max_trials is None else min(trials, self.max_trials)

    def lines(self, *, details: bool = False) -> list[str]:
        """The plan as lines of text; with every grid if ``details``."""
        sampled = f", a sample of {self.total:,}" if self.total != self.n_images else ""
        named = f", under {self.n_names:,} names" if self.n_names > self.n_images else ""
        passes = sum(embedding.missing for embedding in self.embeddings)
        trials, once = self.trials_per_embedding, ", ".join(looks_at_images(self.grids))
        lines = [f"images      {self.n_images:,} from {self.location}{sampled}{named}"]
        lines += left_out_lines(self.skipped, self.unread_kinds)
        for embedding in self.embeddings:
            state = (
                "ready-made"
                if embedding.cached + embedding.missing == 0
                else f"{embedding.cached:,} in the cache, {embedding.missing:,} to embed"
            )
            lines.append(f"embedding   {embedding.key}: {state}")
        lines.append(
            f"trials      about {trials} per embedding, {self.trials} in all"
            f" ({', '.join(dict.fromkeys(grid.algorithm for grid in self.grids))})"
        )
        if once and len(self.embeddings) > 1:
            lines.append(f"once        {once}: images are compared, not vectors, so that the first embedding has them")
        lines.append(
            f"work        {passes:,} forward passes; per embedding and space one neighbour graph and tree"
            f" of {self.n_images:,} x {self.n_images:,} distances"
        )
        if self.machine:
            lines.append(self.machine)
        lines.append(f"results     {self.out}, MLflow at {self.tracking_uri}")
        lines += [f"note        {note}" for note in self.notes]
        if details:
            lines += [f"grid        {_describe(grid)}" for grid in self.grids]
        return lines


def _describe(grid: Grid) -> str:
    values = ", ".join(f"{name}={_value(value)}" for name, value in grid.values.items())
    return (
        f"{grid.algorithm} in {', '.join(grid.spaces)}: {values}"
        if values
        else f"{grid.algorithm} in {', '.join(grid.spaces)}"
    )


def _value(value: object) -> str:
    if isinstance(value, dict):
        return " ".join(f"{key} {_value(part)}" for key, part in value.items())
    return str(value)
