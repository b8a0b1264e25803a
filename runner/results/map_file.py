"""Where the images of an embedding lie on its flat map, as a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from runner.cluster.flat_map import EmbeddingMap
from runner.errors import RunnerError
from runner.images.image_set import ImageSet
from runner.results.paths import PLOTS, checked_file_name
from runner.results.state import REMEDY, DamagedResultError, require_undamaged
from runner.utils.atomic import atomic_path
from runner.utils.checked_files import UNREADABLE
from runner.utils.text import printable
from runner.utils.text_files import shown


def map_path(out: Path, embedding_key: str, suffix: str) -> Path:
    """``OUT/plots/map_<embedding key>.<suffix>``: ``parquet`` holds coordinates, ``png`` the picture."""
    return out / PLOTS / f"map_{checked_file_name(embedding_key)}.{suffix}"


def save_map(out: Path, drawn: EmbeddingMap, images: ImageSet) -> Path:
    """Write the coordinates as Parquet: ``path`` (as in ``labels.parquet``), ``x`` and ``y``; a row per name."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = map_path(out, drawn.embedding, "parquet")
    names = [images.names_of(row) for row in drawn.rows.tolist()]
    places = np.repeat(np.arange(len(names)), [len(each) for each in names])
    columns = {
        "path": pa.array([printable(name) for each in names for name in each], pa.string()),
        "x": pa.array(drawn.coordinates[places, 0]),
        "y": pa.array(drawn.coordinates[places, 1]),
    }
    table = pa.table(columns).replace_schema_metadata({"imagesweep.method": drawn.method})
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")
    return path


def read_map(out: Path, embedding_key: str) -> tuple[tuple[str, ...], np.ndarray]:
    """Names and coordinates (float32, shape (m, 2)) of the images on an embedding's map.

    Raises:
        RunnerError: there is no such map in results folder ``out``, or it is damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = map_path(out, embedding_key, "parquet")
    if not path.is_file():
        raise RunnerError(f"{out} has no map of embedding {embedding_key!r}")
    require_undamaged(out, path.relative_to(out).as_posix())
    try:
        table = pq.read_table(path, columns=["path", "x", "y"])
        names = table["path"].cast(pa.string()).to_pylist()
        coordinates = np.column_stack([table[axis].cast(pa.float32()).to_numpy() for axis in ("x", "y")])
    except (pa.ArrowException, *UNREADABLE) as error:
        raise DamagedResultError(f"{path} is damaged ({shown(error)}); {REMEDY}") from error
    if None in names or not np.isfinite(coordinates).all():
        raise DamagedResultError(f"{path} is damaged: it places some image nowhere; {REMEDY}")
    return tuple(names), coordinates
