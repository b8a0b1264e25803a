"""Agglomerative clustering of many vectors: Ward, average and complete linkage as scipy's, one tree for every k."""

from runner.cluster.agglomerative.dendrogram import cut_linkage
from runner.cluster.agglomerative.linkage import (
    LINKAGES,
    Linkage,
    agglomerative_linkage,
    average_linkage_cosine,
    matrix_linkage,
    ward_linkage,
)

__all__ = [
    "LINKAGES",
    "Linkage",
    "agglomerative_linkage",
    "average_linkage_cosine",
    "cut_linkage",
    "matrix_linkage",
    "ward_linkage",
]
