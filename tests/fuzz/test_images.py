"""Damaged pictures of every kind are decoded or refused with a reason, and nothing else happens."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.images.decode import decode_image
from tests.fuzz.damaged_pictures import damaged_picture, is_read, whole_pictures
from tests.fuzz.property import value_or_sentence


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


def test_whole_pictures_are_read(folder: Path) -> None:
    for name, content in whole_pictures().items():
        (folder / name).write_bytes(content)
        assert decode_image(folder / name).info["source_size"] in ((23, 17), (17, 23), (240, 320)), name


@pytest.mark.filterwarnings("ignore")  # Pillow warns of tags that are damaged
@given(first=st.integers(0, 2**60))
def test_damaged_pictures(first: int, folder: Path) -> None:
    for number in range(first, first + 12):
        picture = damaged_picture(0, number)
        value_or_sentence(partial(is_read, picture, folder / picture.name), "")
