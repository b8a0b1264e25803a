"""What a person at the terminal is told at the end of an experiment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from runner.cluster.trial import TrialStatus
from runner.images.left_out import MOST_NAMED, skipped_lines, unread_note
from runner.report.ranking_lines import ranking_lines
from runner.results.paths import REPORT, SUMMARY, WORK
from runner.results.state import changed_outputs
from runner.results.summary import Summary, TrialRecord
from runner.results.work_folder import unused_work
from runner.utils.disk_usage import in_units, size_of

MUCH_WORK = 10**9
"""Bytes in ``.work`` from which on they are mentioned."""


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


def changed_lines(out: Path) -> list[str]:
    """Which results in ``out`` are gone or not as they were written, and so are made anew."""
    changed = changed_outputs(out)
    more = f" and {len(changed) - MOST_NAMED} more" if len(changed) > MOST_NAMED else ""
    named = ", ".join(changed[:MOST_NAMED])
    return [f"damaged     {named}{more}: not as written, made anew from what was computed"] if changed else []


def work_lines(out: Path) -> list[str]:
    """What is kept for the next call, where that is much, and how much of it these results have no use for."""
    size = size_of(out / WORK)
    if size < MUCH_WORK:
        return []
    unused = size_of(*unused_work(out))
    others = f", {in_units(unused)} of it for other images or models: `runner clean {out}` frees that" if unused else ""
    return [f"kept        {in_units(size)} in {out / WORK} for the next call{others}"]
