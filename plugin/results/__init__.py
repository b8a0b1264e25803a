"""Finished experiments as the App shows them: which there are, their trials, ranking and labels."""
