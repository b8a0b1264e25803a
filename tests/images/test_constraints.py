"""Pairs files, well formed and not."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from runner.errors import RunnerError
from runner.images.constraints import UnmatchedPair, pair_ids, read_pairs
from runner.images.image_set import ImageSet
from runner.images.sample import sample_images

IDS = ("a.jpg", "b.jpg", "c/a.jpg", "d e.png", "0012")
BOMB = "must_link: [[a.jpg, b.jpg]]\nx0: &x0 [x]\n" + "".join(
    f"x{level}: &x{level} [{', '.join([f'*x{level - 1}'] * 10)}]\n" for level in range(1, 9)
)
"""Nine lines that stand for a hundred million values."""

IMAGES = ImageSet(ids=IDS, paths=tuple(Path("/photos") / name for name in IDS), root=Path("/photos"))


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_yaml(tmp_path: Path) -> None:
    text = """
        must_link:
          - [b.jpg, a.jpg]
          - [./a.jpg, c/a.jpg, "d e.png"]   # three names are three pairs
          - [a.jpg, /photos/b.jpg]          # known already
        cannot_link:
          -
            - b.jpg
            - 0012                          # not the number 10
    """
    pairs = read_pairs(write(tmp_path, "pairs.yaml", text), IMAGES)
    assert pairs.must_link.tolist() == [[0, 1], [0, 2], [0, 3], [2, 3]]
    assert pairs.cannot_link.tolist() == [[1, 4]]
    assert pairs.must_link.dtype == pairs.cannot_link.dtype == np.int64
    assert pairs.unmatched == ()


def test_csv(tmp_path: Path) -> None:
    text = '\ufefffirst,second,kind,note\nb.jpg,a.jpg,must_link,\n"d e.png",c/a.jpg,cannot_link,why not\n'
    pairs = read_pairs(write(tmp_path, "pairs.CSV", text), IMAGES)
    assert pairs.must_link.tolist() == [[0, 1]]
    assert pairs.cannot_link.tolist() == [[2, 3]]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("p.yaml", ""),
        ("p.yml", "must_link:\ncannot_link: []\n"),
        ("p.csv", "first,second,kind\n"),
    ],
)
def test_no_pairs_still_have_their_shape(tmp_path: Path, name: str, text: str) -> None:
    pairs = read_pairs(write(tmp_path, name, text), IMAGES)
    assert pairs.must_link.shape == pairs.cannot_link.shape == (0, 2)


def test_unmatched_pairs_are_reported(tmp_path: Path) -> None:
    path = write(tmp_path, "p.yaml", "must_link:\n- [a.jpg, x.jpg]\n- [a.jpg, b.jpg]\ncannot_link:\n- [y.jpg, x.jpg]\n")
    pairs = read_pairs(path, IMAGES)
    assert pairs.must_link.tolist() == [[0, 1]]
    assert pairs.unmatched == (
        UnmatchedPair("must_link", "a.jpg", "x.jpg", ("x.jpg",), 2),
        UnmatchedPair("cannot_link", "y.jpg", "x.jpg", ("y.jpg", "x.jpg"), 5),
    )


def test_rows_are_those_of_the_sample_that_kept_the_pairs(tmp_path: Path) -> None:
    path = write(tmp_path, "p.yaml", "must_link: [['0012', 'b.jpg'], [b.jpg, absent.jpg]]")
    assert pair_ids(path, IMAGES) == {"0012", "b.jpg"}
    sample = sample_images(IMAGES, 3, seed=1, always=pair_ids(path, IMAGES))
    ((first, second),) = read_pairs(path, sample).must_link
    assert (sample.ids[first], sample.ids[second]) == ("b.jpg", "0012")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("p.txt", "", r"must end in \.yaml, \.yml or \.csv"),
        (
            "p.yaml",
            "must_link: [[a.jpg, b.jpg]]\ncannot_link:\n- [./b.jpg, a.jpg]",
            r"\(line 1\) and in .* \(line 3\)",
        ),
        (
            "p.csv",
            "first,second,kind\na.jpg,b.jpg,cannot_link\nb.jpg,a.jpg,must_link\n",
            r"\(line 3\) and in .* \(line 2\)",
        ),
        ("p.yaml", "must_link:\n- [a.jpg, ./a.jpg]", "line 2: 'a.jpg' is paired with itself"),
        ("p.yaml", "must_link:\n- [a.jpg, b.jpg]\n- [a.jpg]", "line 3: a pair is a list of two"),
        ("p.yaml", "must_link:\n- a.jpg", "line 2: a pair is a list"),
        ("p.yaml", "must_link:\n- [a.jpg, {b: c}]", "line 2: a pair is a list"),
        ("p.yaml", "must_link:\n- [a.jpg, ]", "line 2: a pair is a list"),
        ("p.yaml", "must_link: a.jpg", "line 1: must_link must be a list"),
        ("p.yaml", "musslink: []", "line 1: the keys are must_link and cannot_link, not 'musslink'"),
        ("p.yaml", "must_link: []\nmust_link: []", "line 2: must_link is there twice"),
        ("p.yaml", "must_link: []\nML: []", "line 2: must_link is there twice"),
        ("p.yaml", "? [must_link]\n: []", "line 1: the keys are must_link and cannot_link"),
        ("p.yaml", "must_link: &x [*x]", "line 1: a value refers to itself"),
        ("p.yaml", BOMB, "most of them by references"),
        (
            "p.yaml",
            "must_link: [[" + ",".join(f"n{i}" for i in range(4000)) + "]]",
            "line 1: .* more than 5,000,000 pairs",
        ),
        ("p.csv", "first,second\na.jpg,b.jpg\n", "line 1: no column kind"),
        ("p.yaml", "- [a.jpg, b.jpg]", "must hold must_link: and cannot_link:"),
        ("p.yaml", "must_link: [[a.jpg, b.jpg]", "not valid YAML"),
        ("p.yaml", "must_link: &x [*y]", "not valid YAML"),
        ("p.yaml", "must_link: " + "[" * 5000, "nested too deep|not valid YAML"),
        ("p.csv", "", "line 1: no column first, second, kind"),
        ("p.csv", "a.jpg,b.jpg,must_link\n", "line 1: no column"),
        ("p.csv", "first,second,kind\na.jpg,b.jpg,must\n", "line 2: kind must be must_link or cannot_link, not 'must'"),
        ("p.csv", "first,second,kind\na.jpg,b.jpg\n", "line 2: kind must be .* not None"),
        ("p.csv", "first,second,kind\na.jpg,,must_link\n", "line 2: a pair needs two names"),
        ("p.csv", 'first,second,kind\n"a.jpg,b.jpg,must_link\n', "not valid CSV"),
    ],
)
def test_malformed_files(tmp_path: Path, name: str, text: str, message: str) -> None:
    path = write(tmp_path, name, text)
    with pytest.raises(RunnerError, match=message) as caught:
        read_pairs(path, IMAGES)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        b"first;second;kind\nb.jpg;a.jpg;must_link\nd e.png;c/a.jpg;cannot_link\n",
        b"first\tsecond\tkind\nb.jpg\ta.jpg\tML\nd e.png\tc/a.jpg\tCL\n",
        "First, Second, Kind\r\nb.jpg, a.jpg, must-link\r\nd e.png, c\\a.jpg, Cannot Link\r\n".encode("utf-16"),
        '\ufeffKIND,FIRST,SECOND\nmustlink, b.jpg ,a.jpg\ncannot-link,"d e.png", "c/a.jpg"\n'.encode(),
        b"sep=;\r\nfirst;second;kind\r\n\r\n# apart\r\nb.jpg;a.jpg;MustLink\r\nd e.png;c/a.jpg;can't link",
        "first,second,kind\nb.jpg,a.jpg,must_link\nd e.png,c/a.jpg,cannot_link\n".encode("utf-16-le"),
    ],
    ids=["semicolons", "tabs", "UTF-16, titles, backslashes", "spaces, quotes", "Excel", "UTF-16 without its mark"],
)
def test_tables_as_other_programs_write_them(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "pairs.csv"
    path.write_bytes(content)
    pairs = read_pairs(path, IMAGES)
    assert (pairs.must_link.tolist(), pairs.cannot_link.tolist()) == ([[0, 1]], [[2, 3]])


def test_titles_of_yaml_in_other_spellings(tmp_path: Path) -> None:
    pairs = read_pairs(write(tmp_path, "p.yaml", "must-link: [[a.jpg, b.jpg]]\nCL: [['c\\a.jpg', d e.png ]]\n"), IMAGES)
    assert (pairs.must_link.tolist(), pairs.cannot_link.tolist()) == ([[0, 1]], [[2, 3]])


def test_a_large_group_stands_for_all_its_pairs(tmp_path: Path) -> None:
    ids = tuple(f"{number:04d}.jpg" for number in range(3000))
    known = ImageSet(ids=ids, paths=())
    some = write(tmp_path, "some.yaml", f"must_link: [[{', '.join(reversed(ids[:300]))}]]")
    pairs = read_pairs(some, known)
    assert np.array_equal(pairs.must_link, np.stack(np.triu_indices(300, 1), axis=1))
    assert (pairs.unmatched, pairs.n_unmatched) == ((), 0)
    pairs = read_pairs(write(tmp_path, "all.yaml", f"must_link: [[{', '.join(ids)}]]"), IMAGES)
    assert (len(pairs.must_link), len(pairs.unmatched), pairs.n_unmatched) == (0, 1000, 3000 * 2999 // 2)


def test_a_name_with_a_nul_is_unknown(tmp_path: Path) -> None:
    pairs = read_pairs(write(tmp_path, "p.csv", "first,second,kind\n~\0,b.jpg,must_link\n"), IMAGES)
    assert [pair.missing for pair in pairs.unmatched] == [("~\0",)]


def test_nothing_in_a_pairs_file_is_executed(tmp_path: Path) -> None:
    path = write(tmp_path, "p.yaml", "must_link:\n- [a.jpg, !!python/object/apply:os.mkdir [owned]]")
    with pytest.raises(RunnerError, match="line 2"):
        read_pairs(path, IMAGES)


def test_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(RunnerError, match=r"absent\.yaml can't be read \(No such file"):
        read_pairs(tmp_path / "absent.yaml", IMAGES)
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(RunnerError, match=r"pipe\.csv is not a regular file"):
        read_pairs(tmp_path / "pipe.csv", IMAGES)
    (tmp_path / "latin.csv").write_bytes("first,second,kind\nä,b,must_link\n".encode("latin-1"))
    with pytest.raises(RunnerError, match="UTF-8"):
        read_pairs(tmp_path / "latin.csv", IMAGES)
