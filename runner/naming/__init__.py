"""Names for clusters: ImageNet's classes by the bundled model, any vocabulary by models with a text tower."""

from runner.naming.name_clusters import name_clusters

__all__ = ["name_clusters"]
