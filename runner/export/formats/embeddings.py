"""Embeddings of the exported images: ``.npy`` and Parquet."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from runner.export.data import ExportData
from runner.utils.atomic import new_array, save_array, write_json
from runner.utils.text import printable

ROWS_AT_A_TIME = 8192


def write_npy(data: ExportData, folder: Path) -> None:
    """``embeddings.npy``, float32, L2-normalised, a row per image; ``paths.json`` names them, ``labels.npy`` has their
    clusters (-1: noise). ``runner experiment --embeddings DIR`` reads the first two."""
    vectors = data.finished.vectors(data.trial.embedding)
    rows = [image.row for image in data.images]
    matrix = new_array(folder / "embeddings.npy", (len(rows), vectors.shape[1]), np.float32)
    for start in range(0, len(rows), ROWS_AT_A_TIME):
        matrix[start : start + ROWS_AT_A_TIME] = vectors[rows[start : start + ROWS_AT_A_TIME]]
    matrix.flush()
    save_array(folder / "labels.npy", np.array([image.cluster for image in data.images], dtype=np.int32))
    write_json(folder / "paths.json", [image.id if image.path is None else str(image.path) for image in data.images])


def write_parquet(data: ExportData, folder: Path) -> None:
    """``embeddings.parquet``: path, cluster (-1: noise), name of the cluster, embedding (a list of float32)."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    vectors = data.finished.vectors(data.trial.embedding)
    dimension = vectors.shape[1]
    schema = pa.schema(
        [
            ("path", pa.string()),
            ("cluster", pa.int32()),
            ("name", pa.string()),
            ("embedding", pa.list_(pa.float32(), dimension)),
        ],
        metadata={"embedding": data.trial.embedding, "trial": data.trial.id},
    )
    with pq.ParquetWriter(folder / "embeddings.parquet", schema, compression="zstd") as writer:
        for start in range(0, len(data.images), ROWS_AT_A_TIME):
            part = data.images[start : start + ROWS_AT_A_TIME]
            values = np.ascontiguousarray(vectors[[image.row for image in part]]).ravel()
            columns = [
                pa.array([printable(image.id) for image in part], pa.string()),
                pa.array([image.cluster for image in part], pa.int32()),
                pa.array([image.name for image in part], pa.string()),
                pa.FixedSizeListArray.from_arrays(pa.array(values, pa.float32()), dimension),
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))
