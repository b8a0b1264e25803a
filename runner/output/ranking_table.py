"""The ranking as text, for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from runner.cluster.trial import TrialStatus
from runner.output.atomic import printable
from runner.output.naming import count_of
from runner.output.report_table import Table, ranking_table
from runner.output.summary import Summary

SHOWN = ("Score", "AMI", "Clusters", "Noise", "Silhouette", "Algorithm", "Parameters", "Space", "Embedding")
"""Columns of the ranking table that the terminal shows, in this order."""


def ranking_lines(summary: Summary, top: int) -> list[str]:
    """What was run, and the ``top`` best trials as an aligned table.

    Args:
        summary: a finished experiment.
        top: at most how many trials.
    """
    done = sum(trial.status is TrialStatus.DONE for trial in summary.trials)
    images = count_of(summary.images.found - len(summary.images.skipped), "image")
    lines = [
        f"{summary.experiment.name}: {images}, {count_of(len(summary.embeddings), 'embedding')}, "
        f"{done:,} of {count_of(len(summary.trials), 'trial')} done"
    ]
    if not summary.ranking:
        return [*lines, "No trial gave a usable clustering."]
    return [printable(line) for line in [*lines, "", *_aligned(ranking_table(summary), top)]]


def _aligned(table: Table, top: int) -> list[str]:
    titles = [column.title for column in table.columns]
    chosen = [titles.index(title) for title in SHOWN if title in titles]
    is_number = [True, *(table.columns[place].is_number for place in chosen)]
    rows = [["#", *(titles[place] for place in chosen)]]
    for row in table.rows[:top]:
        last = "  (no better than random labels)" if row.beats_null is False else ""
        texts = [row.cells[place].text for place in chosen]
        rows.append([str(row.rank), *texts[:-1], texts[-1] + last])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [_line(row, widths, is_number) for row in rows]


def _line(row: Sequence[str], widths: Sequence[int], is_number: Sequence[bool]) -> str:
    cells = zip(row, widths, is_number, strict=True)
    return "  ".join(text.rjust(width) if number else text.ljust(width) for text, width, number in cells).rstrip()
