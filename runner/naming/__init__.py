"""Names for clusters: ImageNet's classes by the bundled model, any vocabulary by models with a text tower."""
