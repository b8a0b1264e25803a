"""Names that every file system takes and that never collide."""

from __future__ import annotations

import unicodedata
from pathlib import Path, PurePosixPath

from hypothesis import given
from hypothesis import strategies as st

from runner.export.file_names import distinct_names, file_names, safe_name

PARTS = st.text(st.characters(exclude_characters="/\x00", codec="utf-8"), min_size=1, max_size=260)
FEW = st.sampled_from(
    ["a.jpg", "A.JPG", "a.png", "a-2.jpg", "a_1.jpg", "b/a.jpg", "c/a.jpg", "b/A.jpg", "b_a.jpg", "é.jpg"]
)


@given(name=PARTS)
def test_safe_names_are_one_component(name: str) -> None:
    safe = safe_name(name)
    assert len(PurePosixPath(safe).parts) == 1
    assert safe not in (".", "..")
    assert not set(safe) & set('<>:"/\\|?*\n\r\t\x00')
    assert len(safe.encode()) <= 200
    assert not safe.startswith((".", "-"))
    assert safe_name(safe) == safe


@given(names=st.lists(FEW | PARTS.map(safe_name), max_size=20))
def test_distinct_names_differ_on_any_system(names: list[str]) -> None:
    flat = [safe_name(name) for name in names]
    for by_stem in (False, True):
        distinct = distinct_names(flat, by_stem=by_stem, taken=["noise"])
        keys = [unicodedata.normalize("NFC", Path(name).stem if by_stem else name).casefold() for name in distinct]
        assert len(set(keys)) == len(keys) == len(names)
        assert "noise" not in keys


@given(ids=st.lists(FEW, max_size=12))
def test_file_names_are_distinct_and_keep_their_own_where_they_can(ids: list[str]) -> None:
    names = file_names(ids)
    assert len({name.casefold() for name in names}) == len(ids)
    for name, image_id in zip(names, ids, strict=True):
        own = image_id.rsplit("/", 1)[-1]
        others = [other.rsplit("/", 1)[-1].casefold() for other in ids]
        if others.count(own.casefold()) == 1 and not any(own.casefold() == n.casefold() for n in names if n != name):
            assert name.endswith(own)
