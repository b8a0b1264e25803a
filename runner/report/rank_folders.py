"""A folder for each of the best trials: labels, clusters as lists of images, and contact sheets."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from runner.cluster.trial import NOISE
from runner.errors import RunnerError
from runner.images.thumbnails import Thumbnails
from runner.report.inputs import Results
from runner.report.sheets.contact_sheet import (
    OVERVIEW_CLUSTERS,
    SheetSource,
    arranged_for_overview,
    arranged_for_sheet,
    draw_cluster_sheet,
    draw_overview,
)
from runner.report.sheets.style import JPEG_QUALITY
from runner.results.display_names import embedding_names, trial_name
from runner.results.paths import (
    CLUSTER_TO_IMAGES,
    CLUSTERS,
    IMAGE_TO_CLUSTER,
    INFO,
    LABELS_ARRAY,
    NOISE_SHEET,
    OVERVIEW,
    RANK_FOLDER,
    cluster_sheet_name,
    is_rank_folder,
    own_rank_files,
    rank_folder_name,
)
from runner.results.summary import TrialRecord
from runner.score.cluster_statistics import ClusterFacts
from runner.utils.atomic import replace_patiently, save_array, temporary_folder, write_json
from runner.utils.leftovers import remove, temporary_name
from runner.utils.system_errors import reason_and_remedy
from runner.utils.text import count_of, decimal

MAX_CLUSTER_SHEETS = 1000
"""Sheets of a trial; where there are more clusters, the largest ones get them."""


@dataclass(frozen=True)
class RankedTrial:
    """A trial that gets a folder: its place (1 = best), record and clusters."""

    rank: int
    record: TrialRecord
    facts: ClusterFacts

    @property
    def folder(self) -> str:
        return rank_folder_name(self.rank, self.record.algorithm)

    def headline(self, embedding_name: str) -> str:
        """Counts and scores in one line, for people."""
        noise = len(self.facts.members(NOISE))
        clusters = count_of(self.facts.n_clusters, "cluster")
        parts = [embedding_name, clusters, f"{noise:,} noise" if noise else "no noise"]
        for key, name in (("ranking_score", "ranking score"), ("ami", "AMI"), ("silhouette", "silhouette")):
            value = getattr(self.record.scores, key, None)
            if value is not None:
                parts.append(f"{name} {decimal(value)}")
        return " · ".join(parts)


def sheet_clusters(facts: ClusterFacts) -> list[int]:
    """Clusters that get a sheet of their own, ``NOISE`` last."""
    noise = [NOISE] if len(facts.members(NOISE)) else []
    return [*facts.by_size[:MAX_CLUSTER_SHEETS], *noise]


def rows_shown(facts: ClusterFacts) -> list[int]:
    """Rows of all images that the sheets of a trial show, each once."""
    overview = [
        row for cluster in facts.by_size[:OVERVIEW_CLUSTERS] for row in arranged_for_overview(facts, cluster).rows
    ]
    sheets = [row for cluster in sheet_clusters(facts) for row in arranged_for_sheet(facts, cluster).rows]
    return list(dict.fromkeys([*overview, *sheets]))


def write_rank_folder(
    out: Path,
    ranked: RankedTrial,
    results: Results,
    thumbnails: Thumbnails | None,
    on_sheet: Callable[[], object] = lambda: None,
) -> Path:
    """Write ``OUT/rank_NN_<algorithm>/`` as a whole: what an earlier run left there does not remain.

    Files in it that are not ours are kept.

    Args:
        out: the results folder.
        ranked: the trial.
        results: the experiment.
        thumbnails: None where there are no image files, and so no contact sheets.
        on_sheet: called after each contact sheet.

    Raises:
        RunnerError: if a file cannot be written.
    """
    final = out / ranked.folder
    _refuse_foreign(final)
    try:
        with temporary_folder(out) as building:
            by_name = ranked.facts.labels[results.images.name_rows]
            save_array(building / LABELS_ARRAY, by_name.astype(np.int32))
            _write_lists(building, ranked, results)
            if thumbnails is not None:
                _write_sheets(building, ranked, results, thumbnails, on_sheet)
            write_json(building / INFO, _info(ranked, results, has_sheets=thumbnails is not None))
            building.rename(_swap_path(final))
        _swap(final)
    except OSError as error:
        raise RunnerError(f"{final} could not be written: {reason_and_remedy(error)}") from error
    return final


def roll_back_swaps(out: Path) -> None:
    """Where a call was killed while it replaced a rank folder, take away what is ours, so that it is written anew.

    Files in it that are not ours are kept.
    """
    for swap in sorted(out.glob(f".*{_SWAP_SUFFIX}")) if out.is_dir() else ():
        final = out / swap.name.removeprefix(".").removesuffix(_SWAP_SUFFIX)
        if RANK_FOLDER.fullmatch(final.name):
            _remove_own(final)
            remove(swap)


def remove_stale_folders(out: Path, current: set[str]) -> None:
    """Remove rank folders of an earlier call of the same experiment that are no longer among the best.

    Files in them that are not ours are kept.
    """
    for path in sorted(out.iterdir()):
        if path.name not in current and RANK_FOLDER.fullmatch(path.name) and is_rank_folder(path):
            _remove_own(path)


def _write_lists(folder: Path, ranked: RankedTrial, results: Results) -> None:
    facts, images = ranked.facts, results.images

    def names(cluster: int) -> list[str]:
        return [name for row in facts.members(cluster).tolist() for name in images.names_of(row)]

    clusters = {str(cluster): names(cluster) for cluster in range(facts.n_clusters)}
    write_json(folder / CLUSTER_TO_IMAGES, {**clusters, "noise": names(NOISE)})
    by_name = facts.labels[images.name_rows].tolist()
    write_json(folder / IMAGE_TO_CLUSTER, dict(zip(images.names, by_name, strict=True)))


def _info(ranked: RankedTrial, results: Results, has_sheets: bool) -> dict[str, object]:
    facts = ranked.facts
    sheets = set(sheet_clusters(facts)) if has_sheets else set()
    return {
        "rank": ranked.rank,
        "experiment": results.summary.experiment.model_dump(),
        "trial": ranked.record.model_dump(warnings=False),
        "clusters": [
            {
                "cluster": cluster,
                "size": int(facts.sizes[cluster]),
                "medoid": results.images.ids[facts.medoid(cluster)],
                "similarity": float(facts.cohesion[cluster]),
                "lowest_similarity": float(facts.lowest_similarity[cluster]),
                "silhouette": facts.mean_silhouette(cluster),
                "sheet": f"{CLUSTERS}/{cluster_sheet_name(cluster)}" if cluster in sheets else None,
            }
            for cluster in range(facts.n_clusters)
        ],
    }


def _write_sheets(
    folder: Path, ranked: RankedTrial, results: Results, thumbnails: Thumbnails, on_sheet: Callable[[], object]
) -> None:
    source = sheet_source(ranked, results, thumbnails)
    names = embedding_names(results.summary.embeddings)
    (folder / CLUSTERS).mkdir()
    overview = draw_overview(source, subtitle=ranked.headline(names[ranked.record.embedding]))
    overview.save(folder / OVERVIEW, quality=JPEG_QUALITY)
    on_sheet()

    def write(cluster: int) -> None:
        name = NOISE_SHEET if cluster == NOISE else cluster_sheet_name(cluster)
        draw_cluster_sheet(source, cluster).save(folder / CLUSTERS / name, quality=JPEG_QUALITY)

    with ThreadPoolExecutor(results.workers) as pool:
        for _ in pool.map(write, sheet_clusters(ranked.facts)):
            on_sheet()


def sheet_source(ranked: RankedTrial, results: Results, thumbnails: Thumbnails) -> SheetSource:
    """What the sheets of a ranked trial are drawn from."""
    title = f"{ranked.rank}. {trial_name(ranked.record)}"
    return SheetSource(title, results.images.titles, thumbnails, ranked.facts, frozenset(results.target_rows))


_SWAP_SUFFIX = ".new"


def _swap_path(final: Path) -> Path:
    """Where the new content of a rank folder is while it replaces the old. As long as it is there, files in the rank
    folder that have our names are ours, whether the one that says so is there or not."""
    return final.with_name(f".{final.name}{_SWAP_SUFFIX}")


def _swap(final: Path) -> None:
    new = _swap_path(final)
    _remove_own(final)
    if not final.exists():
        new.rename(final)
        return
    for path in sorted(new.rglob("*")):  # the user's own files stay where they are, ours come beside them
        place = final / path.relative_to(new)
        if path.is_dir():
            place.mkdir(exist_ok=True)
        else:
            replace_patiently(path, place)
    remove(new)


def _refuse_foreign(final: Path) -> None:
    is_taken = final.exists() and not final.is_dir()
    if is_taken or (own_rank_files(final) and not is_rank_folder(final)):
        raise RunnerError(f"{final} holds files of unknown origin; move it away, or choose another results folder")


def _remove_own(folder: Path) -> None:
    """Delete our files in a rank folder; the whole folder, at once, if nothing else is in it."""
    own = own_rank_files(folder)
    sheets = folder / CLUSTERS
    if folder.is_dir() and {*folder.rglob("*")} <= {*own, sheets}:
        doomed = folder.with_name(temporary_name())
        folder.rename(doomed)
        remove(doomed)
        return
    for path in own:
        if path.name == INFO and sheets.is_dir() and not any(sheets.iterdir()):
            sheets.rmdir()
        path.unlink()
