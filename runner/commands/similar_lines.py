"""What a search by example tells on the terminal."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np

from runner.images.left_out import left_out_lines
from runner.similar.find import QueryResult, SimilarImages
from runner.similar.outputs import JSON, sheet_name
from runner.similar.pair_ranks import PairRank

MOST_NAMED = 5
"""Neighbours and mates that are named; the files have all that were asked for."""


def similar_lines(found: SimilarImages, folder: Path) -> list[str]:
    """The result in a few lines."""
    lines = left_out_lines(found.skipped, found.unread_kinds)
    for number, result in enumerate(found.results, start=1):
        place = "" if result.query.row is not None else ", which is not in the set"
        lines.append(f"query       {result.query.name}{place}")
        lines += _result_lines(found, result)
        if found.images.paths:
            lines.append(f"  sheet     {folder / sheet_name(number)}")
    for embedding, ranks in _by_embedding(found).items():
        median = float(np.median([rank for pair in ranks for rank in (pair.rank, pair.reverse_rank)]))
        first = sum(rank == 1 for pair in ranks for rank in (pair.rank, pair.reverse_rank)) / (2 * len(ranks))
        lines.append(
            f"pairs       {embedding}: {len(ranks)} must-link pairs, median rank {median:g}, nearest {first:.0%}"
        )
    if found.unmatched_pairs:
        lines.append(f"pairs       {found.unmatched_pairs} left out, as not both of their images are in the set")
    return [*lines, f"all of it   {folder / JSON}"]


def _result_lines(found: SimilarImages, result: QueryResult) -> list[str]:
    ids = found.images.ids
    lines = []
    for each in result.neighbors:
        lines.append(f"  nearest   under {each.embedding}")
        pairs = zip(each.rows[:MOST_NAMED], each.similarities[:MOST_NAMED], strict=True)
        lines += [f"            {similarity:.3f}  {ids[row]}" for row, similarity in pairs]
    if found.trials:
        lines.append(
            f"  mates     {result.n_mates:,} share its cluster in at least one of the best {len(found.trials)} trials"
        )
        lines += [
            f"            {mate.trials} of {len(found.trials)}  {ids[mate.row]}" for mate in result.mates[:MOST_NAMED]
        ]
    return lines


def _by_embedding(found: SimilarImages) -> dict[str, list[PairRank]]:
    ranks = defaultdict(list)
    for pair in found.pairs:
        if pair.kind == "must_link":
            ranks[pair.embedding].append(pair)
    return ranks
