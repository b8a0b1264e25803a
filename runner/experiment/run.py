"""The one place that strings everything together: images, embeddings, sweeps, ranking, results, MLflow."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from runner.cluster.grids import Grid, check_sizes, looks_at_images, parse_grids
from runner.config.experiment import ExperimentConfig
from runner.config.file import dump_config, load_preset
from runner.embed.cache.embedding_cache import EmbeddingCache
from runner.embed.embedding_config import Embedding
from runner.embed.import_vectors import take_vectors
from runner.embed.pipeline import EmbeddingPlan, EmbeddingRun, embed_images
from runner.embed.training.store import AutoencoderStore
from runner.engine.capacity import Capacity
from runner.errors import NoUsableClusteringError, RunnerError, UsageError
from runner.experiment.identity import data_digest, experiment_digest
from runner.experiment.model_set import ModelsOfImages
from runner.experiment.open_source import open_source
from runner.experiment.plan import Plan
from runner.experiment.rank_records import rank_records
from runner.experiment.sweeps import Study, sweep_embeddings
from runner.images.constraints import read_pairs
from runner.images.content_hash import ContentHashes
from runner.images.left_out import MOST_NAMED
from runner.images.source import Source, require_enough
from runner.integrations.mlflow.address import TrackingAddress
from runner.integrations.mlflow.environment import with_mlflow_environment
from runner.integrations.mlflow.experiment_log import check_store, checked_experiment_name, log_experiment
from runner.integrations.mlflow.run_log import ImagesDataset
from runner.integrations.mlflow.run_records import RunFiles, files_below
from runner.integrations.mlflow.tracking_uri import checked_tracking_uri, default_tracking_uri
from runner.report.closing_lines import changed_lines, closing_lines, failed_sentence, work_lines
from runner.report.inputs import Results
from runner.report.outputs import write_outputs
from runner.results.archive import check_out, require_writable, run_id_of
from runner.results.files import write_config, write_summary
from runner.results.lock import sole_writer
from runner.results.paths import (
    CONFIG,
    IMAGE_LIST,
    LABELS,
    REPORT,
    SUMMARY,
    TRIALS,
    WORK,
    own_plots,
    own_rank_files,
    rank_folder_name,
)
from runner.results.resolved_config import keeps_list, resolved_config
from runner.results.state import finish, outputs_complete
from runner.results.summary import FORMAT, EmbeddingRecord, ExperimentRecord, ImagesRecord, Summary
from runner.results.work_folder import remove_leftovers
from runner.utils.leftovers import leftovers_in, remove
from runner.utils.machine import usable_cpus
from runner.utils.progress import progress_bar
from runner.utils.stage_clock import StageClock
from runner.utils.system_errors import reason_and_remedy
from runner.version import __version__

_USUAL_DIMENSION = 768

Say = Callable[[str], None]
"""Told each line of what is going on."""


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
        config, self.mlflow_note = with_mlflow_environment(config)
        self.config, self.say = config, say
        self.out = config.out.expanduser()
        self.cache = EmbeddingCache(config.cache_dir)
        self.clock = StageClock()
        self.grids = parse_grids(
            load_preset(config.mode), algorithms=config.algorithms, spaces=config.spaces, overrides=config.sweep
        )
        self.source = open_source(config)
        require_enough(self.source.images, self.source.location, self.source.skipped)
        check_sizes(self.grids, len(self.source.images))
        _check_files(self.grids, self.source)
        if config.pairs is not None:
            read_pairs(config.pairs, self.source.images)  # once more when it is known which can be used
        check_out(self.out)
        self.name = checked_experiment_name(config.experiment_name or self.source.name)
        uri = config.tracking_uri
        self.tracking = TrackingAddress.of(default_tracking_uri(self.out) if uri is None else checked_tracking_uri(uri))
        self.models: ModelsOfImages | None = None
        if self.source.vectors_path is None:
            self.models = ModelsOfImages(config, self.source.images)

    def run(self) -> Summary:
        """Everything, up to the logged runs."""
        for line in self.plan().lines():
            self.say(line)
        require_writable(self.out)
        with sole_writer(self.out, self.say):
            return self._run()

    def _run(self) -> Summary:
        self._remove_leftovers()
        check_store(self.tracking.given, self.name, self.out)
        embedded = self._embed()
        require_enough(embedded.images, self.source.location, embedded.skipped)
        study = self._sweep(embedded)
        summary = self._summary(embedded, study)
        results = self._results(summary, embedded, study)
        if not outputs_complete(self.out, summary, self.config.top, self.source.targets):
            for line in changed_lines(self.out):
                self.say(line)
            with self.clock.time("output"):
                written = write_outputs(self.out, results, self.config.top)
            if written.archived is not None:
                self.say(f"moved       the results of another experiment, to {written.archived}")
            for name, reason in list(written.unreadable.items())[:MOST_NAMED]:
                self.say(f"not shown   {name}: {reason}")
        elif write_config(self.out, results.config_yaml):  # the folder was moved, or other workers did the same
            finish(self.out, summary, self.config.top, self.source.targets)
        summary = self._log(summary, embedded, study)
        self._write_fields(summary)
        for line in (*closing_lines(summary, self.out, self.config.top, self.clock.seconds), *work_lines(self.out)):
            self.say(line)
        if not summary.ranking:
            failed = failed_sentence(summary)
            raise NoUsableClusteringError(
                f"none of {len(summary.trials)} trials gave a usable clustering, see {self.out / TRIALS}; "
                f"try more images, another model or another --mode{failed and f' ({failed})'}"
            )
        return summary

    def _remove_leftovers(self) -> None:
        """Of processes that were killed: in the results, in the cache, and where files lie for a moment."""
        remove_leftovers(self.out)
        self.cache.remove_leftovers()
        AutoencoderStore(self.cache.cache_dir).remove_leftovers()
        for path in leftovers_in([Path(tempfile.gettempdir())]):
            remove(path)

    def plan(self) -> Plan:
        """What this call will do."""
        notes = [
            self.source.note,
            self.mlflow_note,
            _labels_note(self.source),
            *(self.models.notes() if self.models else ()),
        ]
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
            n_names=len(self.source.images.names),
            total=self.source.total,
            skipped=self.source.skipped,
            unread_kinds=self.source.unread_kinds,
            embeddings=embeddings,
            grids=self.grids,
            max_trials=self.config.max_trials,
            out=str(self.out),
            tracking_uri=self.tracking.uri,
            machine=Capacity.of_this_process().plan_line(
                self.config.workers, len(self.source.images), self._dimension()
            ),
            notes=[note for note in notes if note],
        )

    def _dimension(self) -> int:
        """Length of the vectors; before they are made, that of most models."""
        path = self.source.vectors_path
        return _USUAL_DIMENSION if path is None else int(np.load(path, mmap_mode="r", allow_pickle=False).shape[1])

    def _embed(self) -> EmbeddingRun:
        """Vectors of every embedding, aligned with the images that could be read."""
        config, source, folder = self.config, self.source, self.out / WORK
        with self.clock.time("embedding"):
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

    def _sweep(self, embedded: EmbeddingRun) -> Study:
        """All trials of all embeddings."""
        config = self.config
        approximate = len(embedded.images) > config.exact_up_to
        data = data_digest(embedded.images, self._contents(embedded), config.seed, approximate=approximate)
        return sweep_embeddings(embedded, config, self.grids, self.source.targets, data, self.out / WORK, self.clock)

    def _contents(self, embedded: EmbeddingRun) -> list[str]:
        """The content hash of each image's file; of ready-made vectors, the key that names them all."""
        if self.models is None:
            return [embedded.embeddings[0].key]
        hashes = ContentHashes(self.cache.cache_dir).hash_files(embedded.images.paths)
        for path, value in zip(embedded.images.paths, hashes, strict=True):
            if isinstance(value, OSError):
                raise RunnerError(f"{path} can't be read any more ({reason_and_remedy(value)})") from value
        return [str(value) for value in hashes]

    def _summary(self, embedded: EmbeddingRun, study: Study) -> Summary:
        """Rank all trials and put everything on record."""
        config = self.config
        pairs = None if config.pairs is None else read_pairs(config.pairs, embedded.images)
        if pairs is not None and pairs.n_unmatched:
            self.say(f"pairs       {pairs.n_unmatched:,} left out, as not both of their images are in the set")
        with self.clock.time("ranking"):
            ranked = rank_records(
                study.records, study.null_records, study.journal.labels, study.graphs(), pairs, config.pair_weight
            )
        skipped = [*self.source.skipped, *self.source.images.located(embedded.skipped)]
        fingerprint = experiment_digest(
            study.data, embedded.images, [record.id for record in study.records], pairs, config.pair_weight
        )
        return Summary(
            format=FORMAT,
            experiment=ExperimentRecord(
                name=self.name,
                fingerprint=fingerprint,
                seed=config.seed,
                version=__version__,
                tracking_uri=self.tracking.uri,
                mlflow_run_id=run_id_of(self.out, fingerprint),
                yardstick=ranked.yardstick,
            ),
            images=ImagesRecord(
                root=None if embedded.images.root is None else str(embedded.images.root),
                roots={name: str(root) for name, root in embedded.images.roots.items()},
                found=self.source.n_found,
                embedded=embedded.counts.embedded,
                cached=embedded.counts.cached,
                skipped=skipped,
                same_file=embedded.images.same_file,
                unread_kinds=dict(self.source.unread_kinds),
            ),
            embeddings=[_embedding_record(embedding, embedded) for embedding in embedded.embeddings],
            trials=ranked.records,
            null_baselines=ranked.nulls,
            trainings=[] if self.models is None else self.models.trainings(),
            ranking=ranked.ids,
            seconds=self.clock.seconds | {f"embedding/{stage}": spent for stage, spent in embedded.seconds.items()},
        )

    def _results(self, summary: Summary, embedded: EmbeddingRun, study: Study) -> Results:
        vectors = {embedding.key: embedding.vectors_path for embedding in embedded.embeddings}
        models = self.models.names() if self.models is not None else None
        resolved = resolved_config(self.config, grids=self.grids, models=models, tracking_uri=self.tracking.uri)
        return Results(
            summary=summary,
            images=embedded.images,
            labels=study.journal.labels,
            vectors=lambda key: np.load(vectors[key], mmap_mode="r", allow_pickle=False),
            config_yaml=self.tracking.note + dump_config(resolved),
            flat_map=study.flat_map,
            tree=study.tree,
            reconstructions={} if self.models is None else self.models.reconstructions(),
            targets=self.source.targets,
            workers=self.config.workers or usable_cpus(),
            image_list=self.source.listed if keeps_list(self.config) else None,
        )

    def _log(self, summary: Summary, embedded: EmbeddingRun, study: Study) -> Summary:
        """Log to MLflow what is not there yet; the summary with the parent run's id."""
        ranks = {trial_id: rank for rank, trial_id in enumerate(summary.ranking[: self.config.top], start=1)}
        logged_summary = summary

        def trial_files(trial_id: str) -> RunFiles:
            if trial_id not in ranks:
                return {}
            folder = self.out / rank_folder_name(ranks[trial_id], summary.trial(trial_id).algorithm)
            return files_below(folder, sorted(own_rank_files(folder)))

        def experiment_files(run_id: str) -> RunFiles:
            nonlocal logged_summary
            experiment = summary.experiment.model_copy(update={"mlflow_run_id": run_id})
            logged_summary = summary.model_copy(update={"experiment": experiment})
            write_summary(self.out, logged_summary)
            finish(self.out, logged_summary, self.config.top, self.source.targets)
            files = [self.out / name for name in (SUMMARY, CONFIG, IMAGE_LIST, TRIALS, LABELS, REPORT)]
            return files_below(self.out, [*(path for path in files if path.exists()), *own_plots(self.out)])

        def report(done: int, total: int) -> None:
            bar.update(done - bar.n)

        with self.clock.time("mlflow"), progress_bar(len(summary.trials) + 1, "MLflow runs", "run") as bar:
            logged = log_experiment(
                summary,
                tracking_uri=self.tracking.given,
                experiment_name=self.name,
                out=self.out,
                dataset=ImagesDataset(self.source.name, self.source.location, study.data, len(embedded.images.names)),
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
        from runner.integrations.fiftyone.experiment_fields import write_experiment_fields

        assert self.config.dataset is not None
        with self.clock.time("fields"):
            write_experiment_fields(self.config.dataset, self.out, summary, self.config.top, self.say)


def _check_files(grids: Sequence[Grid], source: Source) -> None:
    names = looks_at_images(grids)
    if names and not source.images.paths:
        raise UsageError(
            f"{', '.join(names)} must look at the image files, and those of {source.location} are not all known or "
            "there; name them with --paths, or leave the algorithm out"
        )


def _labels_note(source: Source) -> str:
    """How many images have a reference label, where labels are wanted: scores against them are of these alone."""
    if source.images.labels is None:
        return ""
    known = [label for label in source.images.labels if label is not None]
    if not known:
        return "no image has a reference label, so that there will be no scores against them"
    return f"{len(known):,} of {len(source.images):,} images have a reference label, of {len(set(known)):,} kinds"


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
