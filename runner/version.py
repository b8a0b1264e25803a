"""The version, also in ``pyproject.toml`` and ``fiftyone.yml``."""

__version__ = "0.1.0"
