"""What is said of the files that an image set leaves out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runner.images.image_set import SkippedImage

MOST_NAMED = 5
"""Skipped files that are named on the terminal."""

_MOST_KINDS_NAMED = 8


def left_out_lines(skipped: Sequence[SkippedImage], unread_kinds: Mapping[str, int]) -> list[str]:
    """How many pictures can't be taken, why the first of them, and what else lies beside the images.

    >>> left_out_lines([SkippedImage("a.jpg", "is empty")], {".json": 2})
    ['skipped     1 file, the first: a.jpg is empty', 'left out    2 files are no pictures: 2 .json']
    """
    lines = []
    if skipped:
        count = "1 file" if len(skipped) == 1 else f"{len(skipped):,} files"
        lines.append(f"skipped     {count}, the first: {skipped[0].path} {skipped[0].reason}")
    if unread_kinds:
        lines.append(f"left out    {unread_note(unread_kinds)}")
    return lines


def skipped_lines(skipped: Sequence[SkippedImage]) -> list[str]:
    """The first of the skipped files with their reasons, below the line that counts them."""
    return [f"            {image.path}: {image.reason}" for image in skipped[:MOST_NAMED]]


def unread_note(unread_kinds: Mapping[str, int]) -> str:
    """What was left out as no picture, the commonest kind first; empty if nothing was.

    >>> unread_note({".json": 2, ".mp4": 1})
    '3 files are no pictures: 2 .json, 1 .mp4'
    """
    total = sum(unread_kinds.values())
    if not total:
        return ""
    commonest = sorted(unread_kinds.items(), key=lambda item: (-item[1], item[0]))
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in commonest[:_MOST_KINDS_NAMED])
    more = ", …" if len(commonest) > _MOST_KINDS_NAMED else ""
    return f"{total:,} {'file is no picture' if total == 1 else 'files are no pictures'}: {kinds}{more}"
