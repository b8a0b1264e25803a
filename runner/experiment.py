"""The one place that strings everything together: images, embeddings, sweeps, ranking, results, MLflow."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from runner import __version__
from runner.cluster.geometry import open_geometry
from runner.cluster.grids import (
    Grid,
    check_sizes,
    grids_as_settings,
    grids_of_embedding,
    looks_at_images,
    parse_grids,
)
from runner.cluster.similarity_tree import SimilarityTree
from runner.cluster.trial import TrialStatus
from runner.config import ExperimentConfig
from runner.config_file import dump_config, load_preset
from runner.embed.cache import EmbeddingCache
from runner.embed.embedding_config import Embedding
from runner.embed.encoders.device import select_device
from runner.embed.pipeline import EmbeddingPlan, EmbeddingRun, embed_images
from runner.embed.ready_made import take_vectors
from runner.engine.journal import Journal
from runner.engine.local import WorkerPool
from runner.engine.sweep import SweepResult, SweepSettings, run_sweep
from runner.errors import NoUsableClusteringError, RunnerError, UsageError
from runner.fingerprints import data_digest, digest_of, experiment_digest
from runner.images.content_hash import ContentHashes
from runner.images.pairs import read_pairs
from runner.images.source import Source, require_enough
from runner.models_of_images import ModelsOfImages
from runner.output.atomic import write_text
from runner.output.layout import CONFIG, LABELS, PLOTS, REPORT, SUMMARY, TRIALS, WORK, rank_folder_name
from runner.output.outputs import write_outputs
from runner.output.previous import check_out, fingerprint_of
from runner.output.ranking_table import ranking_lines
from runner.output.result_files import read_summary, summary_json
from runner.output.results import NeighborLists, Results
from runner.output.state import finish, outputs_complete
from runner.output.summary import EmbeddingRecord, ExperimentRecord, ImagesRecord, Summary
from runner.plan import Plan
from runner.progress import progress_bar
from runner.ranking import rank_records
from runner.sources import open_source
from runner.track.experiment_log import check_store, checked_experiment_name, log_experiment
from runner.track.run_log import ImagesDataset
from runner.track.tracking_uri import checked_tracking_uri, default_tracking_uri, without_password

Say = Callable[[str], None]
"""Told each line of what is going on."""

MOST_NAMED = 5
"""Skipped files that are named on the terminal; all of them are in the results."""


def run_experiment(config: ExperimentConfig, say: Say = lambda line: None) -> Summary:
    """Embed, sweep, score, rank, write results and log them; what was done before is not done again.

    Args:
        config: all settings.
        say: told what is going on, line by line.

    Returns:
        the same as ``summary.json``.

    Raises:
        RunnerError: something could not be done; what is finished stays, and the same call resumes.
        NoUsableClusteringError: everything ran, but no trial gave a usable clustering; results are written.
    """
    return _Experiment(config, say).run()


def plan_experiment(config: ExperimentConfig) -> Plan:
    """What ``run_experiment`` would do."""
    return _Experiment(config, lambda line: None).plan()


class _Experiment:
    """The stages of one call, in the order in which they run."""

    def __init__(self, config: ExperimentConfig, say: Say) -> None:
        """Check everything that can be checked before any work; raises RunnerError."""
        self.config, self.say = config, say
        self.out = config.out.expanduser()
        self.cache = EmbeddingCache(config.cache_dir)
        self.seconds: dict[str, float] = {}
        self.grids = parse_grids(
            load_preset(config.mode), algorithms=config.algorithms, spaces=config.spaces, overrides=config.sweep
        )
        self.source = open_source(config)
        require_enough(self.source.images, self.source.location, self.source.skipped)
        check_sizes(self.grids, len(self.source.images))
        _check_files(self.grids, self.source)
        check_out(self.out)
        self.name = checked_experiment_name(config.experiment_name or self.source.name)
        uri = config.tracking_uri
        self.tracking_uri = default_tracking_uri(self.out) if uri is None else checked_tracking_uri(uri)
        self.models: ModelsOfImages | None = None
        if self.source.vectors_path is None:
            self.models = ModelsOfImages(config, self.source.images)

    def run(self) -> Summary:
        """Everything, up to the logged runs."""
        for line in self.plan().lines():
            self.say(line)
        _require_writable(self.out)
        check_store(self.tracking_uri, self.name, self.out)
        embedded = self._embed()
        require_enough(embedded.images, self.source.location, embedded.skipped)
        study = self._sweep(embedded)
        summary = self._summary(embedded, study)
        results = self._results(summary, embedded, study)
        if not outputs_complete(self.out, summary, self.config.top, self.source.targets):
            with self._timed("output"):
                write_outputs(self.out, results, self.config.top)
        summary = self._log(summary, embedded, study)
        self._write_fields(summary)
        self._tell(summary)
        if not summary.ranking:
            raise NoUsableClusteringError(
                f"none of {len(summary.trials)} trials gave a usable clustering, see {self.out / 'trials.csv'}; "
                "try more images, another model or another --mode"
            )
        return summary

    def plan(self) -> Plan:
        """What this call will do."""
        notes = [self.source.note, *(self.models.notes() if self.models else ())]
        if len(self.source.images) > self.config.exact_up_to:
            notes.append(
                f"more than {self.config.exact_up_to:,} images: neighbours and trees are found in two stages, which is "
                "approximate; --set exact_up_to=N moves that limit"
            )
        if self.config.write_fields:
            notes.append(f"the best {self.config.top} trials become fields of the dataset {self.config.dataset}")
        if self.models is None:
            embeddings = [EmbeddingPlan(f"vectors of {self.source.location}", len(self.source.images), 0)]
        else:
            force = self.config.force_embeddings
            embeddings = self.models.plan(self.cache, force=force)
        return Plan(
            location=self.source.location,
            n_images=len(self.source.images),
            total=self.source.total,
            skipped=len(self.source.skipped),
            embeddings=embeddings,
            grids=self.grids,
            max_trials=self.config.max_trials,
            out=str(self.out),
            tracking_uri=self.tracking_uri,
            notes=[note for note in notes if note],
        )

    def _embed(self) -> EmbeddingRun:
        """Vectors of every embedding, aligned with the images that could be read."""
        config, source, folder = self.config, self.source, self.out / WORK
        with self._timed("embedding"):
            if source.vectors_path is not None or self.models is None:
                assert source.vectors_path is not None
                return take_vectors(source.vectors_path, source.rows, source.images, folder)
            return embed_images(
                source.images,
                self.models.trained(config.device, config.workers, self.say),
                cache=self.cache,
                out_dir=folder,
                device=config.device,
                batch_size=config.batch_size,
                decode_workers=config.workers,
                force=config.force_embeddings,
                say=self.say,
            )

    def _sweep(self, embedded: EmbeddingRun) -> _Study:
        """All trials of all embeddings."""
        config = self.config
        data = data_digest(embedded.images, self._contents(embedded), config.seed)
        if len(embedded.images) > config.exact_up_to:
            data = digest_of([data, "two stages"])
        journal = self.out / WORK / f"journal-{data}"
        if config.fresh:
            shutil.rmtree(journal, ignore_errors=True)
        settings = SweepSettings(
            grids=self.grids,
            seed=config.seed,
            device=str(select_device(config.device)),
            max_trials=config.max_trials,
            journal=journal,
            truth=embedded.images.labels,
            image_paths=embedded.images.paths,
            exact_up_to=config.exact_up_to,
        )
        with WorkerPool(config.workers or os.cpu_count() or 1, config.trial_timeout) as pool:
            sweeps = {
                embedding.key: run_sweep(
                    embedding,
                    embedding.vectors_path.with_suffix(""),
                    replace(settings, grids=grids_of_embedding(self.grids, number)),
                    pool,
                    self._add_seconds,
                )
                for number, embedding in enumerate(embedded.embeddings)
            }
        return _Study(data, Journal(journal), sweeps)

    def _contents(self, embedded: EmbeddingRun) -> list[str]:
        """The content hash of each image's file; of ready-made vectors, the key that names them all."""
        if self.models is None:
            return [embedded.embeddings[0].key]
        hashes = ContentHashes(self.cache.cache_dir).hash_files(embedded.images.paths)
        return [str(value) for value in hashes]

    def _summary(self, embedded: EmbeddingRun, study: _Study) -> Summary:
        """Rank all trials and put everything on record."""
        config = self.config
        records = [record for sweep in study.sweeps.values() for record in sweep.records]
        pairs = None if config.pairs is None else read_pairs(config.pairs, embedded.images)
        if pairs is not None and pairs.unmatched:
            self.say(f"pairs       {len(pairs.unmatched)} left out, as not both of their images are in the set")
        with self._timed("ranking"):
            nulls = [record for sweep in study.sweeps.values() for record in sweep.null_records]
            ranked = rank_records(records, nulls, study.journal.labels, study.graphs(), pairs, config.pair_weight)
        skipped = [*self.source.skipped, *self.source.images.located(embedded.skipped)]
        fingerprint = experiment_digest(
            study.data, embedded.images, [record.id for record in records], pairs, config.pair_weight
        )
        return Summary(
            experiment=ExperimentRecord(
                name=self.name,
                fingerprint=fingerprint,
                seed=config.seed,
                version=__version__,
                tracking_uri=without_password(self.tracking_uri),
                mlflow_run_id=_known_run_id(self.out, fingerprint),
                yardstick=ranked.yardstick,
            ),
            images=ImagesRecord(
                root=None if embedded.images.root is None else str(embedded.images.root),
                found=len(self.source.images) + len(self.source.skipped),
                embedded=embedded.counts.embedded,
                cached=embedded.counts.cached,
                skipped=skipped,
            ),
            embeddings=[_embedding_record(embedding, embedded) for embedding in embedded.embeddings],
            trials=ranked.records,
            null_baselines=ranked.nulls,
            trainings=[] if self.models is None else self.models.trainings(),
            ranking=ranked.ids,
            seconds={**self.seconds, **{f"embedding/{stage}": spent for stage, spent in embedded.seconds.items()}},
        )

    def _results(self, summary: Summary, embedded: EmbeddingRun, study: _Study) -> Results:
        vectors = {embedding.key: embedding.vectors_path for embedding in embedded.embeddings}
        return Results(
            summary=summary,
            images=embedded.images,
            labels=study.journal.labels,
            vectors=lambda key: np.load(vectors[key], mmap_mode="r", allow_pickle=False),
            config_yaml=dump_config(self._resolved()),
            neighbors=study.neighbors,
            tree=study.tree,
            reconstructions={} if self.models is None else self.models.reconstructions(),
            targets=self.source.targets,
            workers=self.config.workers or os.cpu_count() or 1,
        )

    def _resolved(self) -> ExperimentConfig:
        """The settings with everything spelled out that a later version might choose differently."""
        changes: dict[str, object] = {"sweep": grids_as_settings(self.grids), "algorithms": None, "spaces": None}
        if self.models is not None:
            changes["models"] = self.models.names()
        return ExperimentConfig.model_validate(self.config.model_dump() | changes)

    def _log(self, summary: Summary, embedded: EmbeddingRun, study: _Study) -> Summary:
        """Log to MLflow what is not there yet; the summary with the parent run's id."""
        ranks = {trial_id: rank for rank, trial_id in enumerate(summary.ranking[: self.config.top], start=1)}
        logged_summary = summary

        def trial_files(trial_id: str) -> list[Path]:
            if trial_id not in ranks:
                return []
            folder = self.out / rank_folder_name(ranks[trial_id], summary.trial(trial_id).algorithm)
            return sorted(folder.iterdir())

        def experiment_files(run_id: str) -> list[Path]:
            nonlocal logged_summary
            experiment = summary.experiment.model_copy(update={"mlflow_run_id": run_id})
            logged_summary = summary.model_copy(update={"experiment": experiment})
            write_text(self.out / SUMMARY, summary_json(logged_summary))
            finish(self.out, logged_summary, self.config.top, self.source.targets)
            names = (SUMMARY, CONFIG, TRIALS, LABELS, REPORT, PLOTS)
            return [self.out / name for name in names if (self.out / name).exists()]

        def report(done: int, total: int) -> None:
            bar.update(done - bar.n)

        with self._timed("mlflow"), progress_bar(len(summary.trials) + 1, "MLflow runs", "run") as bar:
            logged = log_experiment(
                summary,
                tracking_uri=self.tracking_uri,
                experiment_name=self.name,
                out=self.out,
                dataset=ImagesDataset(self.source.name, self.source.location, study.data, len(embedded.images)),
                trial_files=trial_files,
                experiment_files=experiment_files,
                progress=report,
            )
        self.say(f"mlflow      {logged.created} runs new, {logged.resumed} completed, {logged.skipped} as they were")
        return logged_summary

    def _write_fields(self, summary: Summary) -> None:
        """Show the best trials as fields of the dataset, and enter the experiment there."""
        if not self.config.write_fields:
            return
        from runner.fields.experiment_fields import write_experiment_fields

        assert self.config.dataset is not None
        with self._timed("fields"):
            write_experiment_fields(self.config.dataset, self.out, summary, self.config.top, self.say)

    def _tell(self, summary: Summary) -> None:
        """The end of the story."""
        for line in ranking_lines(summary, self.config.top):
            self.say(line)
        skipped = summary.images.skipped
        if skipped:
            self.say(f"skipped     {len(skipped)} files, listed with reasons in {self.out / SUMMARY}:")
            for image in skipped[:MOST_NAMED]:
                self.say(f"            {image.path}: {image.reason}")
        failed = [record for record in summary.trials if record.status is not TrialStatus.DONE]
        if failed:
            self.say(f"failed      {len(failed)} of {len(summary.trials)} trials, the first: {failed[0].error}")
        spent = ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in self.seconds.items())
        self.say(f"time        {spent}")
        self.say(f"results     {self.out / REPORT}; `runner ui {self.out}` opens MLflow")

    def _add_seconds(self, stage: str, seconds: float) -> None:
        self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self._add_seconds(stage, time.perf_counter() - started)


@dataclass(frozen=True)
class _Study:
    """The sweeps of an experiment, by embedding key.

    Attributes:
        data: digest of what all trials depend on.
        journal: records and labels of the trials.
        sweeps: what each embedding gave.
    """

    data: str
    journal: Journal
    sweeps: Mapping[str, SweepResult]

    def neighbors(self, key: str) -> NeighborLists:
        """Neighbour lists of an embedding's images."""
        neighbors = open_geometry(self.sweeps[key].geometry).neighbors
        return neighbors.indices, neighbors.distances

    def tree(self, key: str) -> SimilarityTree:
        """The tree of cosine similarities of an embedding's images."""
        return SimilarityTree.of_geometry(open_geometry(self.sweeps[key].geometry))

    def graphs(self) -> dict[str, np.ndarray]:
        """The neighbour indices of every embedding, int32, shape (n, k)."""
        return {key: self.neighbors(key)[0] for key in self.sweeps}


def _check_files(grids: Sequence[Grid], source: Source) -> None:
    names = looks_at_images(grids)
    if names and not source.images.paths:
        raise UsageError(
            f"{', '.join(names)} must look at the image files, and those of {source.location} are not all known or "
            "there; name them with --paths, or leave the algorithm out"
        )


def _known_run_id(out: Path, fingerprint: str) -> str | None:
    """The MLflow run of this same experiment, if its results are there."""
    if fingerprint_of(out) != fingerprint or not (out / SUMMARY).exists():
        return None
    return read_summary(out).experiment.mlflow_run_id


def _require_writable(out: Path) -> None:
    """Fail before hours of work rather than after."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise RunnerError(
            f"the results folder {out} cannot be written ({error.strerror}); choose another --out"
        ) from error


def _embedding_record(embedding: Embedding, embedded: EmbeddingRun) -> EmbeddingRecord:
    counts, config = embedded.counts_by_key[embedding.key], embedding.config
    return EmbeddingRecord(
        key=embedding.key,
        model=config.model if config else "precomputed",
        weights=config.weights if config else "",
        resolution=config.resolution if config else None,
        fit=config.fit.value if config else None,
        precision=config.precision.value if config else None,
        dimension=embedding.dimension,
        embedded=counts.embedded,
        cached=counts.cached,
    )
