"""The pictures of ``OUT/plots/``, one module per kind of picture."""
