"""Names for clusters: ImageNet's classes by the bundled model, any vocabulary by models with a text tower."""

from runner.naming.cluster_names import name_clusters

__all__ = ["name_clusters"]
