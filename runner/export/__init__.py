"""Clusters as folders and as files for other tools, with a manifest from which everything can be undone."""
