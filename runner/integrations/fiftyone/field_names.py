"""Names of cluster fields: readable, different for every trial, and such that FiftyOne can hold them."""

from __future__ import annotations

import re

from runner.errors import UsageError
from runner.results.summary import EmbeddingRecord, TrialRecord

LONGEST = 64
"""Characters of a field name; the App's side bar shows the first thirty."""

_LONGEST_PREFIX = 24
_LONGEST_MODEL = 10
_LONGEST_ALGORITHM = 9


def field_name(prefix: str, embedding: EmbeddingRecord, trial: TrialRecord) -> str:
    """``clusters_effi_lite0_kmeans_20_224_1a2b3c4d5e``: what tells fields apart comes first, as side bars are narrow.

    Prefix, model (abbreviated), algorithm, space, parameters, resolution, weights. The trial's own digest ends it, so
    that no two trials share a name; parameters are left out where they would make it longer than ``LONGEST``.

    Args:
        prefix: letters, digits and single underscores, a letter first.
        embedding: of the trial.
        trial: what the field will show.

    Raises:
        UsageError: a prefix that can't begin a field name.
    """
    digest = _plain(trial.id.rpartition("-")[2])
    weights = embedding.weights.rsplit("/", 1)[-1].partition(".")[0]
    named = [
        checked_prefix(prefix),
        _abbreviated(embedding.model.rsplit("/", 1)[-1]),
        trial.algorithm if len(trial.algorithm) <= _LONGEST_ALGORITHM else trial.algorithm[:5],
        "" if trial.space == "none" else trial.space,
    ]
    rest = [str(embedding.resolution or ""), "" if weights.lower() == "imagenet" else weights, digest]
    values = [_plain(f"{value:.3g}" if isinstance(value, float) else str(value)) for value in trial.params.values()]
    for count in range(len(values), -1, -1):
        name = _joined([*named, *values[:count], *rest])
        if len(name) <= LONGEST:
            return name
    return f"{_joined(named)[: LONGEST - len(digest) - 1].strip('_')}_{digest}"


def _abbreviated(model: str) -> str:
    """``effi_lite0``: words lose their ends, the longest first; words with digits are kept while that is possible."""
    words = _plain(model).split("_")
    while len("_".join(words)) > _LONGEST_MODEL:
        longest = max((word for word in words if word.isalpha()), key=len, default="")
        if len(longest) < 2:
            break
        words[words.index(longest)] = longest[:-1]
    return "_".join(words)[:_LONGEST_MODEL].strip("_")


def checked_prefix(prefix: str) -> str:
    """``prefix`` if a field name can begin with it.

    Raises:
        UsageError: it is too long, or holds anything that FiftyOne or MongoDB would trip over.
    """
    if re.fullmatch(r"[A-Za-z](_?[A-Za-z0-9])*", prefix) and len(prefix) <= _LONGEST_PREFIX:
        return prefix
    raise UsageError(
        f"the prefix {prefix!r} can't begin a field name; use up to {_LONGEST_PREFIX} letters, digits and single "
        "underscores, a letter first"
    )


def _joined(parts: list[str]) -> str:
    return "_".join(_plain(part) for part in parts if _plain(part))


def _plain(text: str) -> str:
    """Only letters, digits and single underscores: FiftyOne can't resolve names with ``__``."""
    return re.sub(r"_+", "_", re.sub(r"[^A-Za-z0-9]+", "_", text)).strip("_")
