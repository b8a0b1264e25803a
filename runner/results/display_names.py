"""Short names that tell embeddings and trials apart in tables, legends and titles."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from runner.results.summary import EmbeddingRecord, TrialRecord


def embedding_names(embeddings: Sequence[EmbeddingRecord]) -> dict[str, str]:
    """A short name for each embedding key: the model, and what else differs between them.

    One embedding is just ``ViT-B-32``; with several it may be ``ViT-B-32 · 224 px · letterbox``.
    Where that does not tell two apart, the key's hash is added.
    """
    return _named(embeddings, always=(0,))


def short_embedding_names(embeddings: Sequence[EmbeddingRecord]) -> dict[str, str]:
    """Names for tables and legends, where the model goes without saying if it is the same for all."""
    several_models = len({record.model for record in embeddings}) > 1 or len(embeddings) < 2
    return _named(embeddings, always=(0,) if several_models else ())


def _named(embeddings: Sequence[EmbeddingRecord], always: tuple[int, ...]) -> dict[str, str]:
    described = {record.key: _parts(record) for record in embeddings}
    differing = [column for column, values in enumerate(zip(*described.values(), strict=True)) if len(set(values)) > 1]
    shown = sorted({*always, *differing}) or [0]
    names = {key: " · ".join(parts[i] for i in shown if parts[i]) for key, parts in described.items()}
    taken = list(names.values())
    return {key: name if taken.count(name) == 1 else f"{name} · {_hash(key)}" for key, name in names.items()}


def _parts(record: EmbeddingRecord) -> tuple[str, ...]:
    weights = Path(record.weights).stem if "/" in record.weights else record.weights
    return (
        record.model,
        weights,
        f"{record.resolution} px" if record.resolution else "",
        (record.fit or "").replace("_", " "),
        record.precision or "",
    )


def _hash(key: str) -> str:
    return key.rsplit("-", 1)[-1][:6]


def trial_name(record: TrialRecord) -> str:
    """``hdbscan (min_cluster_size=10) in pca:64``."""
    return record.trial.clustering.describe()
