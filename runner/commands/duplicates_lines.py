"""What a search for duplicates tells on the terminal."""

from __future__ import annotations

from pathlib import Path

from runner.duplicates.find import Duplicates
from runner.duplicates.outputs import DROP, KEEP, PLOT, SHEET
from runner.images.left_out import skipped_lines, unread_note
from runner.utils.text import count_of

ENOUGH = 0.95
"""Share of the alike pairs that must have been compared for nothing to be said of the others."""


def duplicate_lines(found: Duplicates, folder: Path) -> list[str]:
    """The result in a few lines."""
    images = found.links.images
    grouped = sum(len(group.members) for group in found.groups)
    dropped = len(found.dropped)
    lines = [
        f"images      {len(images):,} from {images.location or found.config.asked_for}, {len(found.skipped)} skipped"
    ]
    if images.same_file:
        lines.append(
            f"names       {len(images.names):,} of these files; those of one file are kept or dropped together"
        )
    lines += skipped_lines(found.skipped)
    if found.unread_kinds:
        lines.append(f"left out    {unread_note(found.unread_kinds)}")
    lines.append(f"measure     {found.links.measure}")
    lines.append(f"threshold   {found.threshold:.6g}, {found.reason}")
    if found.recall is not None and found.recall < ENOUGH:
        lines.append(
            f"note        too many images to compare all pairs: of those this alike, {found.recall:.0%} were compared, "
            "measured on a sample; a higher threshold, or --method hash or embedding, misses fewer"
        )
    if not found.groups:
        return [*lines, f"found       no duplicates; {folder / KEEP} lists all images"]
    lines.append(f"found       {count_of(len(found.groups), 'group')} of {count_of(grouped, 'image')}")
    lines.append(
        f"keep, drop  {len(images) - dropped:,} and {dropped:,}, listed in {folder / KEEP} and {folder / DROP}"
    )
    plot = f" and {folder / PLOT}" if (folder / PLOT).exists() else ""
    return [*lines, f"look at     {folder / SHEET}{plot}"]
