"""The single entry point: everything that is written once an experiment is finished."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from runner.cluster.flat_map import EmbeddingMap, project
from runner.images.thumbnails import Thumbnails
from runner.report.html import silhouette_plot, sizes_plot, write_report
from runner.report.inputs import Results
from runner.report.plots.cluster_sizes import plot_cluster_sizes
from runner.report.plots.comparison import plot_comparison
from runner.report.plots.embedding_map import plot_embedding_map
from runner.report.plots.silhouette_plot import plot_silhouettes
from runner.report.plots.training_curves import plot_training
from runner.report.rank_folders import (
    RankedTrial,
    remove_stale_folders,
    roll_back_swaps,
    rows_shown,
    sheet_clusters,
    write_rank_folder,
)
from runner.results.archive import archive_previous
from runner.results.display_names import embedding_names, trial_name
from runner.results.files import checked_labels, write_results
from runner.results.map_file import map_path, save_map
from runner.results.paths import IMAGE_LIST, PLOTS, own_plots
from runner.results.state import begin, finish
from runner.score.cluster_statistics import cluster_facts
from runner.utils.atomic import atomic_path, write_json
from runner.utils.drives import require_reachable
from runner.utils.progress import progress_bar
from runner.utils.stage_clock import StageClock


@dataclass(frozen=True)
class WrittenOutputs:
    """What was done.

    Attributes:
        archived: where the results of an earlier experiment went, or None.
        folders: the rank folders, best trial first.
        seconds: wall time of each part.
        unreadable: name of each image whose file could not be read for the sheets, and why.
    """

    archived: Path | None
    folders: tuple[Path, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)


def write_outputs(out: Path, results: Results, top: int, show_progress: bool = True) -> WrittenOutputs:
    """Write result files, rank folders, plots, maps and report into ``out``.

    Results of another experiment that are already there are moved to ``out/previous/`` first. The result
    files come before anything that is drawn, so that a failure later on loses no result.

    Args:
        out: the results folder, created if need be.
        results: the finished experiment.
        top: how many of the best trials get folders, sheets and plots.
        show_progress: whether bars with rate and remaining time go to stderr.

    Raises:
        RunnerError: if ``out`` cannot be written or holds files of unknown origin, or the images' drive is gone.
    """
    clock = _Clock(show_progress)
    summary = results.summary
    roll_back_swaps(out)
    archived = archive_previous(out, summary.experiment.fingerprint)
    begin(out, summary.experiment.fingerprint)
    with clock.part("result files", 1) as bar:
        if results.image_list is not None:
            write_json(out / IMAGE_LIST, results.image_list)
        write_results(out, summary, results.images, results.labels, results.config_yaml)
        bar.update()
    ranked = _ranked_trials(results, top, clock)
    thumbnails = _thumbnails(results, ranked, clock)
    folders = _write_folders(out, results, ranked, thumbnails, clock)
    _draw_plots(out, results, ranked, clock)
    _draw_trainings(out, results)
    maps = _draw_maps(out, results, clock)
    with clock.part("report", 1) as bar:
        write_report(out, results, ranked, maps, thumbnails)
        bar.update()
    if thumbnails is not None:
        _require_images(results, thumbnails)
    finish(out, summary, top, results.targets)
    unreadable = {} if thumbnails is None else thumbnails.unreadable
    reasons = {results.images.ids[row]: reason for row, reason in sorted(unreadable.items())}
    return WrittenOutputs(archived, folders, clock.seconds, reasons)


class _Clock(StageClock):
    """Times the parts and shows their progress."""

    def __init__(self, show_progress: bool) -> None:
        super().__init__()
        self._show = show_progress

    @contextmanager
    def part(self, name: str, total: int, unit: str = "it") -> Iterator[tqdm]:
        with self.time(name), progress_bar(total, name, unit, disable=not self._show, leave=False) as bar:
            yield bar


def _ranked_trials(results: Results, top: int, clock: _Clock) -> list[RankedTrial]:
    trials = results.top_trials(top)
    ranked = []
    with clock.part("best trials", len(trials), "trial") as bar:
        for rank, trial in enumerate(trials, start=1):
            labels = checked_labels(trial.id, results.labels(trial.id), len(results.images))
            ranked.append(RankedTrial(rank, trial, cluster_facts(labels, results.vectors(trial.embedding))))
            bar.update()
    return ranked


def _thumbnails(results: Results, ranked: Sequence[RankedTrial], clock: _Clock) -> Thumbnails | None:
    if not results.images.paths:
        return None
    thumbnails = Thumbnails(results.images.paths, workers=results.workers)
    rows = dict.fromkeys(row for trial in ranked for row in rows_shown(trial.facts))
    with clock.part("thumbnails", len(rows), "image") as bar:
        thumbnails.load(rows, bar.update)
    _require_images(results, thumbnails)
    return thumbnails


def _require_images(results: Results, thumbnails: Thumbnails) -> None:
    """Refuse sheets that lack images only because their drive is gone."""
    require_reachable(results.images.paths[row].parent for row in thumbnails.unreadable)


def _write_folders(
    out: Path, results: Results, ranked: Sequence[RankedTrial], thumbnails: Thumbnails | None, clock: _Clock
) -> tuple[Path, ...]:
    sheets = 0 if thumbnails is None else sum(len(sheet_clusters(trial.facts)) + 1 for trial in ranked)
    with clock.part("contact sheets", sheets, "sheet") as bar:
        folders = tuple(write_rank_folder(out, trial, results, thumbnails, bar.update) for trial in ranked)
        remove_stale_folders(out, {folder.name for folder in folders})
    return folders


def _draw_plots(out: Path, results: Results, ranked: Sequence[RankedTrial], clock: _Clock) -> None:
    (out / PLOTS).mkdir(exist_ok=True)
    for path in own_plots(out):
        path.unlink()
    with clock.part("plots", 1 + 2 * len(ranked), "plot") as bar:
        plot_comparison(results.summary, out / PLOTS / "comparison.png", annotated=len(ranked))
        bar.update()
        for trial in ranked:
            title = f"{trial.rank}. {trial_name(trial.record)}"
            plot_cluster_sizes(trial.facts.labels, title, sizes_plot(out, trial.rank))
            bar.update()
            plot_silhouettes(trial.facts, title, silhouette_plot(out, trial.rank))
            bar.update()


def _draw_trainings(out: Path, results: Results) -> None:
    names = embedding_names(results.summary.embeddings)
    for training in results.summary.trainings:
        key = training.embedding
        plot_training(training.record, names[key], out / PLOTS / f"training_{key}.png")
        if key in results.reconstructions:
            with atomic_path(out / PLOTS / f"reconstructions_{key}.png") as temporary:
                shutil.copyfile(results.reconstructions[key], temporary)


def _draw_maps(out: Path, results: Results, clock: _Clock) -> list[EmbeddingMap]:
    names = embedding_names(results.summary.embeddings)
    targets = results.target_rows
    maps = []
    with clock.part("maps", len(names) if len(results.images) else 0, "map") as bar:
        for key, name in names.items() if len(results.images) else ():
            drawn = results.flat_map(key)
            if drawn is None:
                drawn = project(key, results.vectors(key), results.summary.experiment.seed, keep=targets)
            save_map(out, drawn, results.images)
            best = results.best_trial_of(key)
            plot_embedding_map(
                drawn,
                None if best is None else results.labels(best.id),
                name,
                map_path(out, key, "png"),
                "" if best is None else trial_name(best),
                targets,
                [results.images.ids[row] for row in targets],
            )
            maps.append(drawn)
            bar.update()
    return maps
