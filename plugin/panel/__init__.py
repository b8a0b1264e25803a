"""The panel *Clustering experiments*."""
