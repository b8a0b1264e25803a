"""What a search for duplicates writes: groups, lists, a contact sheet, and the plot of all thresholds."""

from __future__ import annotations

import csv
import io
import shlex
from collections.abc import Sequence
from pathlib import Path

from runner.duplicates.find import Duplicates
from runner.duplicates.groups import DuplicateGroup, Member
from runner.images.lookup import require_names_within
from runner.images.thumbnails import Thumbnails
from runner.report.sheets.style import MEDOID
from runner.report.sheets.tile_sheet import Tile, TileRow, write_tile_sheet
from runner.report.threshold_plot import PlottedCurve, write_threshold_page
from runner.results.ownership import OwnFiles
from runner.utils.atomic import write_json, write_text
from runner.utils.csv_text import csv_cell
from runner.utils.text import count_of, decimal, printable

GROUPS, IMAGES = "groups.json", "images.csv"
KEEP, DROP = "keep.txt", "drop.txt"
SHEET, PLOT = "groups.jpg", "threshold.html"
OWN_FILES = OwnFiles("imagesweep duplicates", GROUPS, (IMAGES, KEEP, DROP, SHEET, PLOT))

SHEET_GROUPS = 40
SHEET_IMAGES = 8


def write_duplicates(found: Duplicates) -> Path:
    """Write everything into the folder of the search's settings, in place of what an earlier search wrote there.

    Returns:
        the folder.

    Raises:
        RunnerError: something can't be written, or a name leads out of the images' folder.
    """
    folder = found.config.folder
    OWN_FILES.check(folder, found.config.folders)
    require_names_within(found.links.images)
    images, ids = found.links.images, found.links.images.ids
    kept = (row for row in range(len(images)) if row not in found.dropped)
    dropped = (row for group in found.groups for row in group.dropped)
    write_json(folder / GROUPS, _document(found))
    write_text(folder / IMAGES, _table(found))
    write_text(folder / KEEP, _lines([name for row in kept for name in images.names_of(row)]))
    write_text(folder / DROP, _lines([name for row in dropped for name in images.names_of(row)]))
    thumbnails = Thumbnails(found.links.images.paths)
    _write_sheet(folder / SHEET, found, thumbnails)
    plotted = PlottedCurve(
        "", found.links.measure, found.curve, ids, _command(found), taken=found.threshold if found.groups else None
    )
    title = f"Duplicates in {found.links.images.location or found.config.asked_for}"
    if found.config.method == "exact" or not write_threshold_page(folder / PLOT, title, plotted, thumbnails):
        (folder / PLOT).unlink(missing_ok=True)
    return folder


def _document(found: Duplicates) -> dict[str, object]:
    images = found.links.images
    return {
        "kind": OWN_FILES.kind,
        "version": 1,
        "root": None if images.root is None else str(images.root),
        **({"roots": {name: str(root) for name, root in images.roots.items()}} if images.roots else {}),
        "settings": found.config.model_dump(mode="json", exclude_none=True),
        "measure": found.links.measure,
        "threshold": found.threshold,
        "reason": found.reason,
        "recall": found.recall,
        "images": len(images),
        "kept": len(images) - len(found.dropped),
        "dropped": len(found.dropped),
        "same_file": images.same_file,
        "skipped": [{"path": image.path, "reason": image.reason} for image in found.skipped],
        "unread_kinds": dict(found.unread_kinds),
        "groups": [_group(number, group, images.ids) for number, group in enumerate(found.groups, start=1)],
    }


def _group(number: int, group: DuplicateGroup, ids: Sequence[str]) -> dict[str, object]:
    return {
        "group": number,
        "representative": ids[group.representative],
        "lowest_similarity": group.lowest_similarity,
        "keep": [ids[row] for row in group.kept],
        "drop": [ids[row] for row in group.dropped],
        "images": [
            {
                "path": ids[member.row],
                "keep": member.keep,
                "similarity": member.similarity,
                "width": member.facts.width,
                "height": member.facts.height,
                "sharpness": member.facts.sharpness,
            }
            for member in group.members
        ],
    }


def _table(found: Duplicates) -> str:
    """One row per name, in the order of the images; all names of a file say the same."""
    images = found.links.images
    members: dict[int, tuple[int, Member]] = {
        member.row: (number, member) for number, group in enumerate(found.groups, start=1) for member in group.members
    }
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["path", "keep", "group", "similarity", "width", "height", "sharpness"])
    for row, name in zip(images.name_rows.tolist(), images.names, strict=True):
        if row not in members:
            writer.writerow([csv_cell(name), "yes", "", "", "", "", ""])
            continue
        number, member = members[row]
        facts = member.facts
        figures = [f"{member.similarity:.6f}", facts.width, facts.height, f"{facts.sharpness:.3f}"]
        writer.writerow([csv_cell(name), "yes" if member.keep else "no", number, *figures])
    return text.getvalue()


def _lines(names: Sequence[str]) -> str:
    return "".join(f"{printable(name)}\n" for name in names)


def _write_sheet(path: Path, found: Duplicates, thumbnails: Thumbnails) -> None:
    """The largest groups, a row each, the representative first, what stays framed."""
    if not found.groups:
        path.unlink(missing_ok=True)
        return
    shown = found.groups[:SHEET_GROUPS]
    ids = found.links.images.ids
    rows = [_sheet_row(number, group, ids) for number, group in enumerate(shown, start=1)]
    grouped = sum(len(group.members) for group in found.groups)
    facts = [
        f"{count_of(len(found.groups), 'group')} of {count_of(grouped, 'image')}",
        f"{len(found.dropped):,} to drop",
        f"threshold {found.threshold:.4g}" if found.config.method != "exact" else "",
        found.links.measure,
        f"the largest {len(shown)} shown" if len(shown) < len(found.groups) else "",
    ]
    roots = found.links.images.roots
    title = f"Duplicates in {', '.join(roots) if roots else (found.links.images.root or path.parent).name}"
    subtitle = " · ".join(fact for fact in facts if fact)
    write_tile_sheet(path, title, subtitle, rows, thumbnails, {"kept": MEDOID})


def _shown(group: DuplicateGroup) -> Sequence[Member]:
    """The members on the sheet; where they don't fit, the last place says how many more there are."""
    return group.members if len(group.members) <= SHEET_IMAGES else group.members[: SHEET_IMAGES - 1]


def _sheet_row(number: int, group: DuplicateGroup, ids: Sequence[str]) -> TileRow:
    first = group.members[0].facts
    lines = [count_of(len(group.members), "image"), f"largest {first.width} × {first.height}"]
    if group.lowest_similarity is not None and len(group.members) > 2:
        lines.append(f"least alike {decimal(group.lowest_similarity, 3)}")
    tiles = [
        Tile(
            member.row,
            ids[member.row].rsplit("/", 1)[-1],
            "" if place == 0 else decimal(member.similarity, 3),
            MEDOID if member.keep else None,
        )
        for place, member in enumerate(_shown(group))
    ]
    return TileRow(f"Group {number}", lines, tiles, more=len(group.members) - len(tiles))


def _command(found: Duplicates) -> str:
    """The command line that takes another threshold, ``{threshold}``."""
    words = ["runner", "duplicates"]
    given = found.config.model_dump(exclude_defaults=True, exclude={"threshold"})
    for name, value in given.items():
        flag = "--in" if name == "results" else f"--{name.replace('_', '-')}"
        words += [flag, *map(str, value if isinstance(value, tuple) else [value])]
    return f"{shlex.join(words)} --threshold {{threshold}}"
