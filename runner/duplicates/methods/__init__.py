"""The methods by which images can be called duplicates; a new one is a module and a line here."""

from __future__ import annotations

from collections.abc import Callable

from runner.duplicates.links import LinkRequest, Links
from runner.duplicates.methods.embedding import link_embedding
from runner.duplicates.methods.exact import link_exact
from runner.duplicates.methods.image_measures import METHOD_NAMES, link_by_measure
from runner.duplicates.methods.perceptual_hash import link_perceptual_hash

METHODS: dict[str, Callable[[LinkRequest], Links]] = {
    "exact": link_exact,
    "hash": link_perceptual_hash,
    "embedding": link_embedding,
    **{name: link_by_measure(name) for name in METHOD_NAMES},
}
