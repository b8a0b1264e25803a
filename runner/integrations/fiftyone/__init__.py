"""FiftyOne datasets: samples as images, clusters as fields, experiments as runs. Vectors never go there.

FiftyOne is imported where it is used: it takes seconds, and everything else works without it.
"""
