"""The ranking as lines of text for a terminal."""

from __future__ import annotations

from runner.results.display_names import embedding_names
from runner.results.summary import Summary

_COLUMNS = ("rank", "score", "AMI", "clusters", "noise", "trial", "embedding")


def ranking_lines(summary: Summary, top: int) -> list[str]:
    """A table of the ``top`` best trials, best first; reference scores where there are labels."""
    names = embedding_names(summary.embeddings)
    rows = [_COLUMNS]
    for rank, trial_id in enumerate(summary.ranking[:top], start=1):
        record = summary.trial(trial_id)
        scores = record.scores
        assert scores is not None  # only scored trials are ranked
        rows.append(
            (
                str(rank),
                _number(scores.ranking_score),
                _number(scores.ami),
                str(scores.n_clusters),
                f"{scores.noise_share:.0%}",
                record.trial.clustering.describe(),
                names[record.embedding],
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
