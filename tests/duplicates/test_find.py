"""Duplicates of known origin are found; the largest is kept; what is written says so."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from runner.cli import main
from runner.commands.duplicates_lines import duplicate_lines
from runner.duplicates.config import DuplicatesConfig
from runner.duplicates.find import Duplicates
from runner.duplicates.k_center import k_center
from runner.experiment.duplicates import find_duplicates
from runner.images.similarity import compare as pairs
from tests.duplicates.planted import PlantedImages
from tests.needs import unavailable

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")


def _search(planted: PlantedImages, cache_dir: Path, out: Path, **settings: object) -> Duplicates:
    values = {"images": planted.folder, "cache_dir": cache_dir, "out": out, "model": "efficientnet_lite0", **settings}
    return find_duplicates(DuplicatesConfig.model_validate(values))


def _found_pairs(found: Duplicates) -> set[tuple[str, str]]:
    ids = found.links.images.ids
    groups = [[ids[member.row] for member in group.members] for group in found.groups]
    return {(first, second) for group in groups for first in group for second in group if first != second}


def _recall(planted: PlantedImages, found: Duplicates, change: str) -> float:
    pairs = [(first, second) for first, second, planted_change in planted.pairs if planted_change == change]
    return len(_found_pairs(found) & set(pairs)) / len(pairs)


def test_exact_finds_the_copies_and_nothing_else(planted: PlantedImages, cache_dir: Path, tmp_path: Path) -> None:
    found = _search(planted, cache_dir, tmp_path, method="exact")
    assert _recall(planted, found, "copy") == 1
    assert len(found.groups) == 12
    assert all(len(group.members) == 2 and group.lowest_similarity == 1 for group in found.groups)


@pytest.mark.parametrize("method", ["hash", "embedding"])
def test_near_duplicates_at_the_knee(planted: PlantedImages, cache_dir: Path, tmp_path: Path, method: str) -> None:
    found = _search(planted, cache_dir, tmp_path, method=method)
    assert _recall(planted, found, "copy") == 1
    assert _recall(planted, found, "resized") >= 0.9
    assert _recall(planted, found, "reencoded") >= 0.9
    sources = [{Path(found.links.images.ids[member.row]).stem for member in group.members} for group in found.groups]
    assert sum(len(each) == 1 for each in sources) >= 0.9 * len(sources)
    for group in found.groups:
        assert group.members[0].similarity == pytest.approx(1, abs=1e-6)
        assert group.members[0].facts.pixels == max(member.facts.pixels for member in group.members)


def test_many_images_are_linked_in_two_stages(planted: PlantedImages, cache_dir: Path, tmp_path: Path) -> None:
    exact = _search(planted, cache_dir, tmp_path / "exact", model="pixels:16", threshold=0.99)
    found = _search(planted, cache_dir, tmp_path / "many", model="pixels:16", threshold=0.99, exact_up_to=50)
    assert "two stages" in found.links.measure and "two stages" not in exact.links.measure
    assert _found_pairs(found) == _found_pairs(exact) != set()


def test_keep_per_group_keeps_the_most_different(planted: PlantedImages, cache_dir: Path, tmp_path: Path) -> None:
    found = _search(planted, cache_dir, tmp_path, keep_per_group=2)
    group = found.groups[0]
    assert len(group.kept) == 2
    least = min(member.similarity for member in group.members)
    assert group.members[1].keep
    assert group.members[1].similarity == pytest.approx(least, abs=1e-6)


@pytest.mark.parametrize(("method", "threshold"), [("orb", 0.5), ("ssim", 0.8), ("dhash", 0.9)])
def test_measures_on_images_find_re_encodes(
    planted: PlantedImages, cache_dir: Path, tmp_path: Path, method: str, threshold: float
) -> None:
    found = _search(planted, cache_dir, tmp_path, method=method, threshold=threshold, keep_per_group=2)
    ids = found.links.images.ids
    copies = [group for group in found.groups if any("reencoded" in ids[member.row] for member in group.members)]
    assert len(copies) >= 5
    for group in copies:
        assert group.members[0].similarity == 1.0 and len(group.kept) == 2
        assert all(0 <= member.similarity <= 1 for member in group.members)


def test_says_so_where_many_alike_pairs_were_not_compared(
    planted: PlantedImages, cache_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairs, "ALL_PAIRS", 0)
    monkeypatch.setattr(pairs, "NEAREST", 1)
    low = _search(planted, cache_dir, tmp_path, method="ssim", threshold=0.4)
    assert low.recall is not None and low.recall < 0.95
    assert f"of those this alike, {low.recall:.0%} were compared" in "\n".join(duplicate_lines(low, tmp_path))
    high = _search(planted, cache_dir, tmp_path, method="hash")
    assert high.recall is None and "were compared" not in "\n".join(duplicate_lines(high, tmp_path))


def test_k_center_covers_at_most_twice_as_far_as_possible() -> None:
    generator = np.random.default_rng(0)
    vectors = generator.normal(size=(9, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    distances = np.linalg.norm(vectors[:, None] - vectors, axis=2)
    from itertools import combinations

    best = min(distances[:, list(rows)].min(axis=1).max() for rows in combinations(range(9), 3))
    assert distances[:, k_center(lambda row: vectors @ vectors[row], 0, 3)].min(axis=1).max() <= 2 * best
    assert sorted(k_center(lambda row: np.ones(4), 2, 9)) == [0, 1, 2, 3]


def test_command_writes_lists_that_add_up(
    planted: PlantedImages, cache_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "found"
    words = ["duplicates", "--images", planted.folder, "--method", "hash", "--cache-dir", cache_dir, "--out", out]
    assert main([str(word) for word in words]) == 0
    assert "groups of" in capsys.readouterr().out
    document = json.loads((out / "groups.json").read_text())
    keep, drop = ((out / name).read_text().splitlines() for name in ("keep.txt", "drop.txt"))
    everything = {path.relative_to(planted.folder).as_posix() for path in planted.folder.rglob("*.png")}
    assert set(keep) | set(drop) == everything
    assert len(keep) + len(drop) == len(everything) == document["images"]
    assert drop == [name for group in document["groups"] for name in group["drop"]]
    with (out / "images.csv").open(newline="") as file:
        table = {row["path"]: row["keep"] for row in csv.DictReader(file)}
    assert {name for name, kept in table.items() if kept == "no"} == set(drop)
    assert Image.open(out / "groups.jpg").width > 600
    assert main([str(word) for word in words]) == 0  # in place of its own earlier results


def test_refusals(planted: PlantedImages, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = ["duplicates", "--images", str(planted.folder)]
    assert main([*images, "--out", str(planted.folder / "found")]) == 1
    assert main([*images, "--method", "exact", "--threshold", "0.9"]) == 2
    assert main([*images, "--threshold", "1.5"]) == 2
    assert main(["duplicates"]) == 2
    (tmp_path / "keep.txt").write_text("mine")
    assert main([*images, "--out", str(tmp_path)]) == 1
    assert (tmp_path / "keep.txt").read_text() == "mine"
    errors = capsys.readouterr().err
    assert "--threshold 1.5" in errors
    assert "unknown origin" in errors


def test_names_that_lists_cannot_hold_are_refused_before_the_search(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a.png", "x\na.png"):
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    out = tmp_path.with_name(f"{tmp_path.name}-out")
    assert main(["duplicates", "--images", str(tmp_path), "--method", "exact", "--out", str(out)]) == 1
    assert r"'x\na.png' has a line break" in capsys.readouterr().err
    assert not list(out.glob("*.txt"))


def test_threshold_is_taken_by_a_click(planted: PlantedImages, cache_dir: Path, tmp_path: Path) -> None:
    if BROWSER is None:
        unavailable("no Chromium to try the threshold page in; apt-get install chromium")
    from playwright.sync_api import sync_playwright

    from runner.duplicates.outputs import write_duplicates

    folder = write_duplicates(_search(planted, cache_dir, tmp_path / "found", method="hash"))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto((folder / "threshold.html").as_uri())
        page.wait_for_selector("#threshold-plot .main-svg")
        before = page.inner_text("#threshold-command code")
        box = page.locator("#threshold-plot").bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 100, steps=5)
        page.wait_for_timeout(300)
        page.mouse.down()
        page.mouse.up()
        page.wait_for_function(
            "text => document.querySelector('#threshold-command code').textContent !== text", arg=before
        )
        command = page.inner_text("#threshold-command code").split()
        assert page.locator("#threshold-side img").count() == 4
        browser.close()
    assert errors == []
    assert command[:2] == ["runner", "duplicates"]
    assert main([*command[1:], "--cache-dir", str(cache_dir)]) == 0
    document = json.loads((folder / "groups.json").read_text())
    assert document["threshold"] == float(command[-1])
