"""The ranking as lines of text for a terminal."""

from __future__ import annotations

from runner.results.display_names import embedding_names
from runner.results.summary import Summary
from runner.score.catalogue import Score, Shown, shown_in


def ranking_lines(summary: Summary, top: int) -> list[str]:
    """A table of the ``top`` best trials, best first; reference scores where there are labels."""
    names = embedding_names(summary.embeddings)
    columns = shown_in(Shown.TERMINAL)
    rows = [("rank", *(_title(score) for score in columns), "trial", "embedding")]
    for rank, trial_id in enumerate(summary.ranking[:top], start=1):
        record = summary.trial(trial_id)
        scores = record.scores
        assert scores is not None  # only scored trials are ranked
        values = [_text(score, score.of(scores)) for score in columns]
        rows.append((str(rank), *values, record.trial.clustering.describe(), names[record.embedding]))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _title(score: Score) -> str:
    return score.title if score.title.isupper() else score.title.lower()


def _text(score: Score, value: float | None) -> str:
    return "-" if value is None else score.text(value).replace("−", "-")  # as other programs read numbers
