"""``report.html``: one page with everything in it, which opens without a network."""

from __future__ import annotations

import base64
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.cluster.flat_map import EmbeddingMap
from runner.cluster.graph.threshold_curve import threshold_curve
from runner.cluster.trial import TrialStatus
from runner.images.thumbnails import Thumbnails, jpeg_data_uri
from runner.report.data import comparison_data, map_data, map_trials
from runner.report.inputs import Results
from runner.report.page import render_page
from runner.report.rank_folders import RankedTrial, sheet_source
from runner.report.sheets.contact_sheet import draw_overview
from runner.report.table import ranking_table
from runner.report.threshold_plot import PlottedCurve, threshold_data
from runner.results.display_names import embedding_names, short_embedding_names, trial_name
from runner.results.paths import OVERVIEW, PLOTS, REPORT
from runner.results.summary import Summary
from runner.utils.atomic import write_text
from runner.utils.text import count_of

OVERVIEW_TILE = 84
OVERVIEW_ROWS = 24
"""Clusters of a top trial that the report shows; its folder has them all."""

THRESHOLDS = 120
"""Thresholds of the near-duplicates whose pairs the report can show."""

MAX_LISTED = 200
"""Skipped images and failed trials that the report lists."""


@dataclass(frozen=True)
class TopTrial:
    """A section of the report: a trial with its pictures as data URIs (None where there is none)."""

    rank: int
    name: str
    headline: str
    folder: str
    details: tuple[tuple[str, str], ...]
    sizes: str | None
    silhouettes: str | None
    overview: str | None
    overview_file: str | None


def write_report(
    out: Path,
    results: Results,
    ranked: Sequence[RankedTrial],
    maps: Sequence[EmbeddingMap],
    thumbnails: Thumbnails | None,
) -> Path:
    """Write the report; plots of the ranked trials are taken from ``OUT/plots/``.

    Args:
        out: the results folder.
        results: the experiment.
        ranked: the best trials, best first.
        maps: the maps of all embeddings.
        thumbnails: None where there are no image files.

    Returns:
        the report's path.
    """
    trials = map_trials(results, len(ranked))
    tops = [_top_trial(out, results, trial, thumbnails) for trial in ranked]
    data = {
        "comparison": comparison_data(results, len(ranked)),
        "map": map_data(results, maps, trials, thumbnails),
        "threshold": threshold_data(_curves(out, results), thumbnails, THRESHOLDS),
    }
    notes = report_notes(results, thumbnails, maps)
    write_text(out / REPORT, render(results, tops, data, notes))
    return out / REPORT


def _curves(out: Path, results: Results) -> list[PlottedCurve]:
    """The near-duplicates of each embedding at every threshold, where its tree is at hand."""
    curves = []
    for key, name in embedding_names(results.summary.embeddings).items():
        tree = results.tree(key)
        if tree is not None:
            command = f"runner duplicates --in {shlex.quote(str(out))} --embedding {key} --threshold {{threshold}}"
            curves.append(PlottedCurve(name, "cosine similarity", threshold_curve(tree), results.images.ids, command))
    return curves


def render(results: Results, tops: Sequence[TopTrial], data: Mapping[str, object], notes: Sequence[str]) -> str:
    """The report's page; every value that comes from the user is escaped by the template."""
    summary = results.summary
    return render_page(
        "report.html.j2",
        data,
        ("report.js", "threshold_plot.js"),
        summary=summary,
        names=short_embedding_names(summary.embeddings),
        verdict=verdict(summary),
        counts={status.value: sum(trial.status is status for trial in summary.trials) for status in TrialStatus},
        unsuccessful=[trial for trial in summary.trials if trial.status is not TrialStatus.DONE],
        trial_name=trial_name,
        table=ranking_table(summary),
        tops=tops,
        notes=notes,
        config_yaml=results.config_yaml,
        max_listed=MAX_LISTED,
    )


def verdict(summary: Summary) -> str:
    """What was found, in one sentence."""
    if not summary.ranking:
        return "No trial gave a usable clustering."
    best = summary.trial(summary.ranking[0])
    where = f" on {embedding_names(summary.embeddings)[best.embedding]}" if len(summary.embeddings) > 1 else ""
    found = ""
    if best.scores is not None:
        noise = f"{100 * best.scores.noise_share:.0f} % noise" if best.scores.noise_share else "no noise"
        found = f": {count_of(best.scores.n_clusters, 'cluster')}, {noise}"
    return f"Best of {count_of(len(summary.ranking), 'trial')}: {trial_name(best)}{where}{found}."


def report_notes(results: Results, thumbnails: Thumbnails | None, maps: Sequence[EmbeddingMap]) -> list[str]:
    """What a reader must know to take the page for what it is."""
    notes = []
    if thumbnails is None:
        notes.append("Only embeddings are known, no image files: there are no contact sheets and no thumbnails.")
    elif thumbnails.unreadable:
        count = count_of(len(thumbnails.unreadable), "image file")
        notes.append(f"{count} could no longer be read when the sheets were drawn; their places are left empty.")
    for drawn in maps[:1]:
        if drawn.is_sample:
            notes.append(f"The maps show a sample of {len(drawn.rows):,} of {drawn.n_images:,} images.")
    known = set(results.images.ids)
    missing = [target for target in results.targets if target not in known]
    if missing:
        notes.append(f"Targets that are not among the clustered images: {', '.join(missing)}.")
    worse = sum(trial.scores is not None and trial.scores.beats_null is False for trial in results.summary.trials)
    if worse:
        notes.append(f"{count_of(worse, 'trial')} did no better than random labels; the table marks them.")
    return notes


def _top_trial(out: Path, results: Results, ranked: RankedTrial, thumbnails: Thumbnails | None) -> TopTrial:
    names = embedding_names(results.summary.embeddings)
    headline = ranked.headline(names[ranked.record.embedding])
    overview = None
    if thumbnails is not None:
        sheet = draw_overview(sheet_source(ranked, results, thumbnails), OVERVIEW_TILE, OVERVIEW_ROWS, headline)
        overview = jpeg_data_uri(sheet, quality=80)
    return TopTrial(
        ranked.rank,
        trial_name(ranked.record),
        headline,
        ranked.folder,
        tuple((name, _shown(value)) for name, value in ranked.record.details.items()),
        _png_uri(sizes_plot(out, ranked.rank)),
        _png_uri(silhouette_plot(out, ranked.rank)),
        overview,
        f"{ranked.folder}/{OVERVIEW}" if overview else None,
    )


def sizes_plot(out: Path, rank: int) -> Path:
    return out / PLOTS / f"rank_{rank:02d}_cluster_sizes.png"


def silhouette_plot(out: Path, rank: int) -> Path:
    return out / PLOTS / f"rank_{rank:02d}_silhouettes.png"


def _png_uri(path: Path) -> str | None:
    if not path.is_file():
        return None
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode("ascii")


def _shown(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
