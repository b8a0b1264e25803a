"""Duplicates in the App: the curve of thresholds and the pairs at one of them."""
