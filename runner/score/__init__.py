"""Scores of clusterings, one per file, null baselines and the ranking."""
