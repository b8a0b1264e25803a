"""Weights: downloaded, local, and read without running code."""
