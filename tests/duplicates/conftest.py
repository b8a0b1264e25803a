"""A folder of stamps with planted duplicates."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.images.folder import scan_folder
from tests.duplicates.planted import PlantedImages, plant

PLANTED = ("copy", "reencoded", "resized", "cropped_95")


@pytest.fixture(scope="session")
def planted(stamps: Path, tmp_path_factory: pytest.TempPathFactory) -> PlantedImages:
    """60 photographs of animals and food, 12 of them with four duplicates each."""
    files = [file for file in scan_folder(stamps).images.paths if file.parts[-3] in ("animals", "food")]
    return plant(tmp_path_factory.mktemp("planted"), files[:120:2], duplicated=12, changes=PLANTED)
