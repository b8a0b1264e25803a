"""A flat map of an embedding: UMAP, or what suits fewer images."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from runner.errors import RunnerError
from runner.images.image_set import ImageSet
from runner.output.atomic import atomic_path, printable
from runner.output.layout import PLOTS, checked_file_name
from runner.output.results import NeighborLists

MAX_POINTS = 10_000
"""Images on a map; of more, a sample is shown."""

UMAP_FROM = 1000
"""Below this many images t-SNE draws the map: it keeps more of the neighbours there (0.55 against 0.50 of the ten
nearest on 791 drawings) and needs no pause in which UMAP is compiled; above, UMAP is much faster."""

EPOCHS = 200
"""UMAP's own number for large sets, which is enough for a look from a start in the principal components."""

TSNE_FROM = 5
N_NEIGHBORS = 15


@dataclass(frozen=True)
class EmbeddingMap:
    """Images of one embedding on a plane.

    Attributes:
        embedding: the embedding key.
        rows: int64, shape (m,): which images are on it.
        coordinates: float32, shape (m, 2).
        method: how it was made, for the title: ``UMAP``, ``t-SNE`` or ``PCA``.
        n_images: images of the experiment, of which ``m`` are on the map.
    """

    embedding: str
    rows: np.ndarray
    coordinates: np.ndarray
    method: str
    n_images: int

    @property
    def is_sample(self) -> bool:
        return len(self.rows) < self.n_images


def map_path(out: Path, embedding_key: str, suffix: str) -> Path:
    """``OUT/plots/map_<embedding key>.<suffix>``: ``parquet`` holds coordinates, ``png`` the picture."""
    return out / PLOTS / f"map_{checked_file_name(embedding_key)}.{suffix}"


def project(
    embedding_key: str,
    vectors: np.ndarray,
    seed: int,
    neighbors: NeighborLists | None = None,
    keep: Sequence[int] = (),
    max_points: int = MAX_POINTS,
) -> EmbeddingMap:
    """Lay an embedding out on a plane; the same seed gives the same map.

    UMAP (McInnes, Healy, Melville 2018) from ``UMAP_FROM`` images on, t-SNE (van der Maaten 2014) below,
    principal components for fewer than five images or dimensions too few for either.

    Args:
        embedding_key: names the map.
        vectors: L2-normalised, float32, shape (n, d); a memory map will do.
        seed: of the sample and the layout.
        neighbors: the neighbour lists of all n images, if known; they save the search.
        keep: rows that a sample must hold.
        max_points: images on the map.
    """
    rows = _sample(len(vectors), max_points, seed, keep)
    shown = np.asarray(vectors[rows], dtype=np.float32)
    usable = neighbors if len(rows) == len(vectors) else None
    coordinates, method = _layout(shown, seed, usable)
    return EmbeddingMap(embedding_key, rows, coordinates.astype(np.float32), method, len(vectors))


def _sample(n: int, at_most: int, seed: int, keep: Sequence[int]) -> np.ndarray:
    if n <= at_most:
        return np.arange(n)
    kept = np.unique(np.asarray(keep, dtype=np.int64))[:at_most]
    others = np.setdiff1d(np.arange(n), kept)
    drawn = np.random.default_rng(seed).choice(others, at_most - len(kept), replace=False)
    return np.sort(np.concatenate([kept, drawn]))


def _layout(vectors: np.ndarray, seed: int, neighbors: NeighborLists | None) -> tuple[np.ndarray, str]:
    n, dimension = vectors.shape
    if n < TSNE_FROM or dimension < 3 or np.ptp(vectors, axis=0).max(initial=0) == 0:
        return _principal_components(vectors), "PCA"
    if n < UMAP_FROM:
        return _tsne(vectors, seed), "t-SNE"
    return _umap(vectors, seed, neighbors), "UMAP"


def _principal_components(vectors: np.ndarray) -> np.ndarray:
    """The first two principal components; zeros where there are fewer."""
    centered = vectors - vectors.mean(axis=0)
    left, scale, _ = np.linalg.svd(centered, full_matrices=False)
    coordinates = np.zeros((len(vectors), 2), dtype=np.float32)
    kept = min(2, len(scale))
    coordinates[:, :kept] = left[:, :kept] * scale[:kept]
    return coordinates


def _tsne(vectors: np.ndarray, seed: int) -> np.ndarray:
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    perplexity = min(30.0, (len(vectors) - 1) / 3)
    with threadpool_limits(1):  # with several threads, sums would depend on their order
        return TSNE(2, perplexity=perplexity, init="pca", random_state=seed).fit_transform(vectors)


def _umap(vectors: np.ndarray, seed: int, neighbors: NeighborLists | None) -> np.ndarray:
    """UMAP on exact neighbours of our own, which also spares the user the compilation of its neighbour search."""
    from umap import UMAP

    n_neighbors = min(N_NEIGHBORS, len(vectors) - 1)
    if neighbors is None or neighbors[0].shape[1] < n_neighbors - 1:
        from runner.cluster.neighbors import nearest_neighbors

        found = nearest_neighbors(vectors, n_neighbors - 1)
        neighbors = found.indices, found.distances
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="umap")  # it warns that such a map cannot take new points
        return UMAP(
            n_neighbors=n_neighbors,
            min_dist=0.1,
            n_epochs=EPOCHS,
            init="pca",
            metric="euclidean",
            random_state=seed,
            n_jobs=1,
            precomputed_knn=_with_self(*neighbors, n_neighbors),
            force_approximation_algorithm=True,  # else it drops our neighbours below 4096 images
        ).fit_transform(vectors)


def _with_self(indices: np.ndarray, distances: np.ndarray, n_neighbors: int) -> NeighborLists:
    """The first ``n_neighbors`` of each image as UMAP wants them: itself first."""
    n, others = len(indices), n_neighbors - 1
    return (
        np.hstack([np.arange(n, dtype=np.int32)[:, None], indices[:, :others].astype(np.int32)]),
        np.hstack([np.zeros((n, 1), dtype=np.float32), distances[:, :others].astype(np.float32)]),
    )


def save_map(out: Path, drawn: EmbeddingMap, images: ImageSet) -> Path:
    """Write the coordinates as Parquet: ``path`` (as in ``labels.parquet``), ``x`` and ``y``."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = map_path(out, drawn.embedding, "parquet")
    columns = {
        "path": pa.array([printable(images.ids[row]) for row in drawn.rows], pa.string()),
        "x": pa.array(drawn.coordinates[:, 0]),
        "y": pa.array(drawn.coordinates[:, 1]),
    }
    table = pa.table(columns).replace_schema_metadata({"imagesweep.method": drawn.method})
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")
    return path


def read_map(out: Path, embedding_key: str) -> tuple[tuple[str, ...], np.ndarray]:
    """Names and coordinates (float32, shape (m, 2)) of the images on an embedding's map.

    Raises:
        RunnerError: if there is no such map in results folder ``out``.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = map_path(out, embedding_key, "parquet")
    try:
        table = pq.read_table(path, columns=["path", "x", "y"])
    except FileNotFoundError:
        raise RunnerError(f"{out} has no map of embedding {embedding_key!r}") from None
    except (pa.ArrowException, OSError) as error:
        raise RunnerError(f"{path} is damaged: {str(error).splitlines()[0]}") from error
    coordinates = np.column_stack([table["x"].to_numpy(), table["y"].to_numpy()]).astype(np.float32)
    return tuple(table["path"].to_pylist()), coordinates
