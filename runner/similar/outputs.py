"""What a search by example writes: JSON, CSV, and a sheet per query."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from runner.images.thumbnails import Thumbnails
from runner.report.sheets.style import MEDOID
from runner.report.sheets.tile_sheet import Tile, TileRow, write_tile_sheet
from runner.results.display_names import trial_name
from runner.results.ownership import OwnFiles
from runner.similar.find import QueryResult, SimilarImages
from runner.similar.pair_ranks import PairRank
from runner.utils.atomic import write_json, write_text
from runner.utils.csv_text import csv_cell
from runner.utils.text import count_of, decimal

JSON, CSV = "similar.json", "similar.csv"
SHEET = re.compile(r"query_\d{2,}\.jpg")

OWN_FILES = OwnFiles("imagesweep similar", JSON, (CSV,))

SHEET_TILES = 39
"""Neighbours and mates on a sheet; with the note of how many more there are they fill four lines."""


def write_similar(found: SimilarImages) -> Path:
    """Write everything into the folder of the search's settings, in place of what an earlier search wrote there.

    Returns:
        the folder.

    Raises:
        RunnerError: something can't be written.
    """
    folder = found.config.folder
    OWN_FILES.check(folder, found.config.folders)
    if OWN_FILES.are_in(folder):
        for path in folder.iterdir():
            if SHEET.fullmatch(path.name):
                path.unlink()
    write_json(folder / JSON, _document(found))
    write_text(folder / CSV, _table(found))
    strangers = [result.query.path for result in found.results if result.query.row is None]
    if found.images.paths:
        thumbnails = Thumbnails((*found.images.paths, *strangers))
        for number, result in enumerate(found.results, start=1):
            _write_sheet(folder / sheet_name(number), found, result, thumbnails, strangers)
    return folder


def sheet_name(number: int) -> str:
    """File name of the sheet of the ``number``-th query, counted from 1."""
    return f"query_{number:02d}.jpg"


def _document(found: SimilarImages) -> dict[str, object]:
    return {
        "kind": OWN_FILES.kind,
        "version": 1,
        "root": None if found.images.root is None else str(found.images.root),
        **({"roots": {name: str(root) for name, root in found.images.roots.items()}} if found.images.roots else {}),
        "settings": found.config.model_dump(mode="json", exclude_none=True),
        "trials": [{"id": trial.id, "embedding": trial.embedding, "name": trial_name(trial)} for trial in found.trials],
        "queries": [_query(number, found, result) for number, result in enumerate(found.results, start=1)],
        "pairs": [_pair(pair, found.images.ids) for pair in found.pairs],
        "unmatched_pairs": found.unmatched_pairs,
        "same_file": found.images.same_file,
        "skipped": [{"path": image.path, "reason": image.reason} for image in found.skipped],
        "unread_kinds": dict(found.unread_kinds),
    }


def _query(number: int, found: SimilarImages, result: QueryResult) -> dict[str, object]:
    ids = found.images.ids
    return {
        "query": result.query.name,
        "in_set": result.query.row is not None,
        "neighbors": {
            each.embedding: [
                {"path": ids[row], "similarity": similarity}
                for row, similarity in zip(each.rows.tolist(), each.similarities.tolist(), strict=True)
            ]
            for each in result.neighbors
        },
        "mates_in_all": result.n_mates,
        "mates": [
            {
                "path": ids[mate.row],
                "trials": mate.trials,
                "of_trials": len(found.trials),
                "similarity": mate.similarity,
            }
            for mate in result.mates
        ],
        "sheet": sheet_name(number) if found.images.paths else None,
    }


def _pair(pair: PairRank, ids: Sequence[str]) -> dict[str, object]:
    return {**asdict(pair), "first": ids[pair.first], "second": ids[pair.second]}


def _table(found: SimilarImages) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["query", "relation", "embedding", "rank", "path", "similarity", "trials", "of_trials"])
    for result in found.results:
        for row in _rows(found, result):
            writer.writerow([csv_cell(result.query.name), *row])
    return text.getvalue()


def _rows(found: SimilarImages, result: QueryResult) -> Iterator[tuple[object, ...]]:
    ids = found.images.ids
    for each in result.neighbors:
        for rank, (row, similarity) in enumerate(zip(each.rows, each.similarities, strict=True), start=1):
            yield "neighbor", csv_cell(each.embedding), rank, csv_cell(ids[row]), f"{similarity:.6f}", "", ""
    for rank, mate in enumerate(result.mates, start=1):
        yield "mate", "", rank, csv_cell(ids[mate.row]), f"{mate.similarity:.6f}", mate.trials, len(found.trials)


def _write_sheet(
    path: Path, found: SimilarImages, result: QueryResult, thumbnails: Thumbnails, strangers: list[Path]
) -> None:
    """The query first, then a row of neighbours per embedding, then the mates."""
    query = result.query
    own = query.row if query.row is not None else len(found.images) + strangers.index(query.path)
    rows = [
        TileRow("Query", ["in the set" if query.row is not None else "not in the set"], [Tile(own, "", "", MEDOID)])
    ]
    rows += [
        TileRow(
            "Nearest",
            ["cosine similarity", found.embedding_names[each.embedding]],
            [
                Tile(row, _file_name(found, row), decimal(similarity, 3))
                for row, similarity in zip(
                    each.rows[:SHEET_TILES].tolist(), each.similarities[:SHEET_TILES], strict=True
                )
            ],
            more=max(0, len(each.rows) - SHEET_TILES),
        )
        for each in result.neighbors
    ]
    if found.trials:
        lines = ["trials that agree,", f"of the best {len(found.trials)}"] if result.mates else ["none"]
        tiles = [
            Tile(mate.row, _file_name(found, mate.row), f"{mate.trials} of {len(found.trials)}")
            for mate in result.mates[:SHEET_TILES]
        ]
        rows.append(TileRow("Cluster mates", lines, tiles, more=result.n_mates - len(tiles)))
    subtitle = f"among {count_of(len(found.images), 'image')} of {found.images.location or found.config.asked_for}"
    title = f"Like {query.name.rsplit('/', 1)[-1]}"
    write_tile_sheet(path, title, subtitle, rows, thumbnails, {"query": MEDOID}, columns=10)


def _file_name(found: SimilarImages, row: int) -> str:
    return found.images.ids[row].rsplit("/", 1)[-1]
