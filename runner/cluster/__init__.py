"""Clustering: the shared geometry, the algorithms on it, and their grids."""
