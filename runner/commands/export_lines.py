"""What an export and an undo tell on the terminal."""

from __future__ import annotations

from pathlib import Path

from runner.export.config import WITHOUT_IMAGES, How
from runner.export.export import Exported
from runner.export.manifest import Manifest, PlacedImage, undo_command
from runner.export.undo import Undone
from runner.results.display_names import trial_name
from runner.utils.text import count_of

MOST_NAMED = 8
"""Clusters, skipped images and kept files that are named."""


def export_lines(exported: Exported) -> list[str]:
    """What was exported, or would be."""
    config = exported.config
    lines = [f"trial       {config.rank}. {trial_name(exported.trial)}"]
    counts = [f"{cluster.name} {len(cluster.rows):,}" for cluster in exported.clusters]
    more = f", … ({len(counts) - MOST_NAMED:,} more)" if len(counts) > MOST_NAMED else ""
    lines.append(f"clusters    {', '.join(counts[:MOST_NAMED])}{more}")
    verb = "would be " if config.dry_run else ""
    images = count_of(len(exported.images), "image")
    if config.format in WITHOUT_IMAGES:
        lines.append(f"{'plan' if config.dry_run else 'exported':<12}{images} {verb}listed as {config.format}")
    else:
        how = config.how or How.COPY
        done = {How.COPY: "copied", How.HARDLINK: "hard-linked", How.SYMLINK: "linked", How.MOVE: "moved"}[how]
        lines.append(
            f"{'plan' if config.dry_run else 'exported':<12}{images}, {exported.size / 1e6:,.1f} MB, {verb}{done}"
        )
    if config.dry_run:
        lines += [f"            {image.id} -> {image.target}" for image in exported.images[:MOST_NAMED] if image.target]
    if exported.skipped:
        lines.append(f"left out    {count_of(len(exported.skipped), 'image')}, the first: "
                     f"{exported.skipped[0].path} {exported.skipped[0].reason}")  # fmt: skip
    if config.dry_run:
        return [*lines, "nothing was done; leave out --dry-run to do it"]
    return [*lines, f"in          {config.to}; `{undo_command(config.to, exported.known)}` takes everything back"]


def undo_plan(folder: Path, manifest: Manifest) -> list[str]:
    """All that an undo would do to files, none left out: who doesn't know the manifest's author must see each."""
    if manifest.how is How.MOVE:
        lines = [f"write       {_plain(image.source)} {_origin(image)}" for image in manifest.images]
    else:
        lines = [f"delete      {_plain(str(folder / image.target))}" for image in manifest.images]
    lines += [f"delete      {_plain(str(folder / document.target))}" for document in manifest.documents]
    lines += [f"delete      {_plain(str(folder / name))} if it is empty then" for name in manifest.folders]
    where = f"within {_plain(manifest.root)}" if manifest.root else "anywhere, as an earlier version names no limit"
    return [*lines, *([f"limits      it writes {where}"] if manifest.how is How.MOVE else [])]


def _origin(image: PlacedImage) -> str:
    return f"from {_plain(image.target)}" if image.link is None else f"as a link to {_plain(image.link)}"


def _plain(name: str) -> str:
    """A stranger's text as a terminal can show it without obeying it."""
    return name if name.isprintable() else repr(name)


def undo_lines(folder: Path, undone: Undone) -> list[str]:
    """What was undone."""
    if undone.already:
        return [f"the export in {folder} was undone before; nothing to do"]
    lines = [f"undone      {undone.restored:,} images back in their places, {undone.removed:,} files removed"]
    lines += [f"kept        {kept.path} {kept.reason}" for kept in undone.kept[:MOST_NAMED]]
    if len(undone.kept) > MOST_NAMED:
        lines.append(f"            and {len(undone.kept) - MOST_NAMED:,} more")
    return lines
