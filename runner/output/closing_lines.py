"""What a person at the terminal is told at the end of an experiment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from runner.cluster.trial import TrialStatus
from runner.images.left_out import skipped_lines, unread_note
from runner.output.layout import REPORT, SUMMARY
from runner.output.ranking_table import ranking_lines
from runner.summary import Summary, TrialRecord


def closing_lines(summary: Summary, out: Path, top: int, seconds: Mapping[str, float]) -> list[str]:
    """The ``top`` best trials, what was skipped or failed, the time each stage took, and where the results are."""
    lines = ranking_lines(summary, top)
    skipped = summary.images.skipped
    if skipped:
        lines.append(f"skipped     {len(skipped)} files, listed with reasons in {out / SUMMARY}:")
        lines += skipped_lines(skipped)
    if summary.images.unread_kinds:
        lines.append(f"left out    {unread_note(summary.images.unread_kinds)}")
    failed = _failed(summary)
    if failed:
        lines.append(f"failed      {len(failed)} of {len(summary.trials)} trials, the first: {failed[0].error}")
    lines.append(f"time        {', '.join(f'{stage} {spent:.1f} s' for stage, spent in seconds.items())}")
    lines.append(f"results     {out / REPORT}; `runner ui {out}` opens MLflow")
    return lines


def failed_sentence(summary: Summary) -> str:
    """How many trials failed, and how they are tried again; empty where none did."""
    failed = _failed(summary)
    if not failed:
        return ""
    return (
        f"{len(failed)} of {len(summary.trials)} trials failed; the same command with --retry-failed tries them again"
    )


def _failed(summary: Summary) -> list[TrialRecord]:
    return [record for record in summary.trials if record.status is not TrialStatus.DONE]
