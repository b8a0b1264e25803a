"""The search by example: place the queries in every embedding, then read neighbours, mates and ranks off."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from runner.embed.cache.embedding_cache import EmbeddingCache
from runner.embed.embedding_config import EmbeddingConfig
from runner.embed.pipeline import embed_images
from runner.errors import RunnerError
from runner.experiment.open_source import open_images
from runner.experiment.results import FinishedExperiment, open_experiment
from runner.experiment.search_embedding import embed_searched, featureless_images
from runner.images.constraints import read_pairs
from runner.images.image_set import ImageSet, SkippedImage
from runner.images.lookup import ImageNames
from runner.images.source import Source, require_enough
from runner.images.spellings import existing_spelling
from runner.results.display_names import short_embedding_names
from runner.results.summary import EmbeddingRecord, TrialRecord
from runner.similar.co_clustered import Mate, consensus_mates
from runner.similar.config import SimilarConfig
from runner.similar.nearest import Neighbors, cosine_similarities, nearest
from runner.similar.pair_ranks import PairRank, pair_ranks
from runner.utils.examine import is_file
from runner.utils.scratch import scratch_folder

Say = Callable[[str], None]


@dataclass(frozen=True)
class Query:
    """An image that was looked for: as it was named, its file, and its row where it is in the set."""

    name: str
    path: Path
    row: int | None


@dataclass(frozen=True)
class QueryResult:
    """What is like one query.

    Attributes:
        query: the image.
        neighbors: per embedding.
        mates: over the best trials, at most as many as asked for.
        n_mates: how many there are in all.
    """

    query: Query
    neighbors: tuple[Neighbors, ...]
    mates: tuple[Mate, ...]
    n_mates: int


@dataclass(frozen=True)
class SimilarImages:
    """What a search found.

    Attributes:
        config: what was asked for.
        images: the images that were searched.
        searched: the folders in which they were found.
        embedding_names: short name of each embedding, by its key.
        results: of each query.
        trials: the trials that the mates are from, best first; empty where there is no experiment.
        pairs: ranks of the known pairs.
        unmatched_pairs: pairs whose images are not both in the set.
        skipped: images that could not be used.
        unread_kinds: how many files that are no pictures were left out, by kind.
    """

    config: SimilarConfig
    images: ImageSet
    searched: tuple[Path, ...]
    embedding_names: Mapping[str, str]
    results: tuple[QueryResult, ...]
    trials: tuple[TrialRecord, ...]
    pairs: tuple[PairRank, ...]
    unmatched_pairs: int
    skipped: tuple[SkippedImage, ...]
    unread_kinds: Mapping[str, int]


@dataclass(frozen=True)
class _Space:
    """The vectors of the set under one embedding.

    Attributes:
        key: of the embedding.
        record: its model, with weights and resolution.
        vectors: unit length, float32, shape (n, d).
        config: how further images are embedded; None where they can't be.
        featureless: rows whose vectors say nothing, with the digest of their pixels.
    """

    key: str
    record: EmbeddingRecord | EmbeddingConfig
    vectors: np.ndarray
    config: EmbeddingConfig | None
    featureless: Mapping[int, bytes]

    def similarities(self, vector: np.ndarray, path: Path) -> np.ndarray:
        """The similarity of every row to the unit vector of the image at ``path``: float64, shape (n,)."""
        found = cosine_similarities(self.vectors, vector)
        own = _featureless(self.record, vector[None], [path])
        if own:
            return np.array([float(self.featureless.get(row) == own[0]) for row in range(len(found))])
        found[list(self.featureless)] = 0
        return found


def find_similar(
    config: SimilarConfig, say: Say = lambda line: None, finished: FinishedExperiment | None = None
) -> SimilarImages:
    """Search by example; nothing is written but what can be computed again.

    Args:
        config: all settings.
        say: told what is going on, line by line.
        finished: the experiment in ``config.results``, if it is open already.

    Raises:
        RunnerError: a query is neither in the set nor a readable image, or something can't be computed.
        UsageError: an unknown model or embedding.
    """
    skipped: tuple[SkippedImage, ...] = ()
    unread_kinds: Mapping[str, int] = {}
    if config.results is not None:
        finished = finished or open_experiment(config.results)
        images, spaces = finished.images, _finished_spaces(finished, config.embedding)
        cache_dir = finished.config.cache_dir
    else:
        source = open_images(config)
        if source.note:
            say(f"note        {source.note}")
        images, spaces, skipped = _source_space(source, config, say)
        unread_kinds = source.unread_kinds
        cache_dir = config.cache_dir
    trials, labels = _best_trials(finished, config.top)
    queries = [_query(name, images) for name in config.queries]
    placed = {space.key: _query_vectors(queries, space, cache_dir, config, say) for space in spaces}
    results = [
        _search(config, query, {space.key: placed[space.key][place] for space in spaces}, spaces, trials, labels)
        for place, query in enumerate(queries)
    ]
    ranks, unmatched = _pair_ranks(config.pairs, images, spaces)
    names = {space.key: space.key for space in spaces}
    if finished is not None:
        names |= short_embedding_names(finished.summary.embeddings)
    searched = config.folders if finished is None else finished.config.folders
    return SimilarImages(
        config, images, searched, names, tuple(results), trials, ranks, unmatched, skipped, unread_kinds
    )


def _best_trials(
    finished: FinishedExperiment | None, top: int
) -> tuple[tuple[TrialRecord, ...], tuple[np.ndarray, ...]]:
    """The best trials and their labels; none where there is no experiment."""
    if finished is None:
        return (), ()
    trials = tuple(map(finished.summary.trial, finished.summary.ranking[:top]))
    return trials, tuple(finished.labels(trial.id) for trial in trials)


def _pair_ranks(path: Path | None, images: ImageSet, spaces: Sequence[_Space]) -> tuple[tuple[PairRank, ...], int]:
    """Ranks of the known pairs, and how many pairs are not in the set."""
    if path is None:
        return (), 0
    pairs = read_pairs(path, images)
    ranks = tuple(rank for space in spaces for rank in pair_ranks(space.key, space.vectors, pairs))
    return ranks, pairs.n_unmatched


def _finished_spaces(finished: FinishedExperiment, wanted: str | None) -> list[_Space]:
    key = None if wanted is None else finished.embedding_key(wanted)
    records = [record for record in finished.summary.embeddings if key in (None, record.key)]
    return [_finished_space(finished, record) for record in records]


def _finished_space(finished: FinishedExperiment, record: EmbeddingRecord) -> _Space:
    vectors = finished.vectors(record.key)
    featureless = _featureless(record, vectors, finished.images.paths)
    return _Space(record.key, record, vectors, finished.embedding_config(record.key), featureless)


def _featureless(
    record: EmbeddingRecord | EmbeddingConfig, vectors: np.ndarray, paths: Sequence[Path]
) -> dict[int, bytes]:
    return featureless_images(record.model, record.weights, record.resolution, vectors, paths)


def _source_space(
    source: Source, config: SimilarConfig, say: Say
) -> tuple[ImageSet, list[_Space], tuple[SkippedImage, ...]]:
    require_enough(source.images, source.location, source.skipped)
    run = embed_searched(source.images, config, say)
    found = run.embeddings[0]
    vectors = np.load(found.vectors_path, mmap_mode="r", allow_pickle=False)
    assert found.config is not None
    featureless = _featureless(found.config, vectors, run.images.paths)
    space = _Space(found.key, found.config, vectors, found.config, featureless)
    return run.images, [space], (*source.skipped, *run.skipped)


def _query(name: str, images: ImageSet) -> Query:
    """The query in the set, or else the file of that name."""
    row = ImageNames(images).find(name)
    if row is not None:
        return Query(name, images.paths[row] if images.paths else Path(name), row)
    path = existing_spelling(Path(name).expanduser())
    if not is_file(path):
        raise RunnerError(
            f"{name} is neither one of the {len(images):,} images of {images.location or 'the set'} nor a file; "
            "name an image by its path relative to that folder, or any other image file"
        )
    return Query(name, path.absolute(), None)


def _query_vectors(
    queries: Sequence[Query], space: _Space, cache_dir: Path, config: SimilarConfig, say: Say
) -> list[np.ndarray]:
    """The unit vector of each query; those that are not in the set are embedded as the set was."""
    strangers = {query.path: str(query.path) for query in queries if query.row is None}
    embedded: Mapping[str, np.ndarray] = {}
    if strangers:
        if space.config is None:
            raise RunnerError(
                f"{next(iter(strangers))} is not in the set, and its vectors are ready-made, so that it can't be "
                "embedded as they were; name images of the set"
            )
        embedded = _embed(ImageSet(tuple(strangers.values()), tuple(strangers)), space.config, cache_dir, config, say)
    return [
        np.asarray(space.vectors[query.row]) if query.row is not None else embedded[str(query.path)]
        for query in queries
    ]


def _embed(
    images: ImageSet, embedding: EmbeddingConfig, cache_dir: Path, config: SimilarConfig, say: Say
) -> dict[str, np.ndarray]:
    with scratch_folder() as folder:
        run = embed_images(
            images,
            [embedding],
            cache=EmbeddingCache(cache_dir),
            out_dir=folder,
            device=config.device,
            batch_size=config.batch_size,
            say=say,
        )
        if run.skipped:
            raise RunnerError(f"{run.skipped[0].path}: {run.skipped[0].reason}")
        vectors = np.load(run.embeddings[0].vectors_path, allow_pickle=False)
    return dict(zip(run.images.ids, vectors, strict=True))


def _search(
    config: SimilarConfig,
    query: Query,
    vectors: Mapping[str, np.ndarray],
    spaces: Sequence[_Space],
    trials: Sequence[TrialRecord],
    labels: Sequence[np.ndarray],
) -> QueryResult:
    similarities = {space.key: space.similarities(vectors[space.key], query.path) for space in spaces}
    neighbors = {key: nearest(key, each, config.count, query.row) for key, each in similarities.items()}
    first = neighbors[spaces[0].key].rows[0]
    anchors = [
        query.row
        if query.row is not None
        else int(neighbors[trial.embedding].rows[0] if trial.embedding in neighbors else first)
        for trial in trials
    ]
    mean = np.mean(list(similarities.values()), axis=0)
    mates = consensus_mates(labels, anchors, mean, query.row)
    return QueryResult(query, tuple(neighbors.values()), tuple(mates[: config.count]), len(mates))
