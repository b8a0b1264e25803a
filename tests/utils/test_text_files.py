"""Small files that people hand us, well formed and not."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from runner.errors import RunnerError
from runner.utils.text_files import DEEPEST, parse_json, parse_yaml, read_json, read_text, read_yaml, shown

TEXT = "naïve: [ä, 1, 2.5, true, null]\n"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-16-le with mark"]
)
def test_encodings(tmp_path: Path, encoding: str) -> None:
    name, _, mark = encoding.partition(" ")
    (tmp_path / "a.yaml").write_bytes(("\ufeff" * bool(mark) + TEXT).encode(name))
    assert read_text(tmp_path / "a.yaml", "the file") == TEXT
    assert read_yaml(tmp_path / "a.yaml", "the file") == {"naïve": ["ä", 1, 2.5, True, None]}


def test_another_encoding_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("naïve".encode("latin-1"))
    with pytest.raises(RunnerError, match=r"the file .*a\.txt is not valid text: it is not UTF-8 .* at byte 2"):
        read_text(tmp_path / "a.txt", "the file")
    (tmp_path / "a.txt").write_bytes(b"\xff\xfea\0b")
    with pytest.raises(RunnerError, match="it is not UTF-16"):
        read_text(tmp_path / "a.txt", "the file")


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, reason in {
        "pipe": "not a regular file",
        "absent": "No such file",
        "a\0b": "no file can have that name",
    }.items():
        with pytest.raises(RunnerError, match=reason):
            read_text(tmp_path / name, "the file")
    for path in (tmp_path, Path("/dev/zero")):
        with pytest.raises(RunnerError, match=r"not a regular file|Is a directory"):
            read_text(path, "the file")


def test_size_is_limited(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"x" * 1000)
    assert len(read_text(tmp_path / "a.txt", "the file", at_most=1000)) == 1000
    with pytest.raises(RunnerError, match="larger than"):
        read_text(tmp_path / "a.txt", "the file", at_most=999)


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\nb: [x, 'y', \"z\"]\n",
        "a: {b: {c: [1, 2.5e+3, -.inf, 0x1F, 0o7, 1_000, yes, ~, '']}}",
        "base: &base {a: 1, b: 2}\nmore: {<<: *base, b: 3}\nlist: [*base, *base]\n",
        "both: {<<: [{a: 1}, {a: 2, b: 3}], c: 4}",
        "text: |\n  several\n  lines\nfolded: >\n  one\n  line\n",
        "2: a\ntrue: b\n~: c\n",
        "",
        "--- # nothing\n",
        "2.5",
    ],
)
def test_plain_yaml_is_what_the_library_reads(text: str) -> None:
    assert parse_yaml(text, "the text") == yaml.safe_load(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\na: 2", "line 2: a is there twice"),
        ("a: !!python/object/apply:os.system [x]", "line 1: values of the type .*os.system are not allowed"),
        ("a: !!set {b}", "line 1: values of the type"),
        ("a: !!int x", "line 1: x can't be read as a value"),
        ("a: 0x_", "line 1: 0x_ can't be read as a value"),
        ("a: " + "9" * 5000, "line 1: 9+… can't be read as a value"),
        ("a: 9223372036854775808", "line 1: the number .* is too large"),
        ("a: " + "1:" * 3000 + "1", "line 1: the number .* is too large"),
        ("a: &a [*a]", "line 1: a value refers to itself"),
        ("a: &a {b: *a}", "line 1: a value refers to itself"),
        ("? [a]\n: b", "line 1: a key must be a name"),
        ("<<: 3", "line 1: << takes mappings"),
        ("--- a\n--- b", "not valid YAML: expected a single document"),
        ("a: *b", "not valid YAML: found undefined alias"),
        ("a: \0", "not valid YAML"),
        ("a: \ud800", "not valid YAML"),
        ("[" * 100_000, "nest"),
        ("- " * 500 + "a", "nested too deep"),
        ("a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 3000)), "nested too deep"),
        ("a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 40)), "by references"),
    ],
)
def test_yaml_that_is_refused(text: str, message: str) -> None:
    with pytest.raises(RunnerError, match=message) as refused:
        parse_yaml(text, "the text")
    assert str(refused.value).startswith("the text") and "\n" not in str(refused.value)


def test_yaml_may_be_as_deep_as_said() -> None:
    value: Any = parse_yaml("[" * DEEPEST + "]" * DEEPEST, "the text")
    for _ in range(DEEPEST - 1):
        (value,) = value
    assert value == []


@pytest.mark.parametrize("text", ["", "[", "[" * 100_000, "[9223372036854775808]", "[" + "9" * 5000 + "]", "{'a': 1}"])
def test_json_that_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(RunnerError, match=r"^the text is not valid JSON: "):
        parse_json(text, "the text")
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(RunnerError, match=r"a\.json is not valid JSON: "):
        read_json(tmp_path / "a.json", "the file")


def test_what_is_shown_is_one_line_that_prints() -> None:
    assert shown("a\n b\t\ud800\x1b[31m") == "a b \\ud800\\x1b[31m"
    assert len(shown("x" * 10_000)) < 200 and shown([1, "a"]) == "[1, 'a']"
