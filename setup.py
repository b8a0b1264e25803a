"""What ``pyproject.toml`` can't say: all packages below ``runner``, and ``configs/`` as one of them."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["runner", "runner.*"]), "runner.presets"],
    package_dir={"runner.presets": "configs"},
)
