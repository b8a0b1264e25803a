"""The report opens without a network, whatever the experiment holds."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from runner.images.image_set import SkippedImage
from runner.report.inputs import Results
from runner.report.outputs import write_outputs
from runner.utils.text import duration
from tests.needs import unavailable
from tests.report.experiments import image_names, make_results

HOSTILE = "\"><script>alert(1)</script><img src=x onerror=alert(2)>&amp;'.png"
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


_REFERRING = ("src", "href", "srcset", "action", "poster")


class _Page(HTMLParser):
    """Collects what a page refers to, its tags and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.references: list[str] = []
        self.tags: list[str] = []
        self.handlers: list[str] = []
        self.text = ""
        self.data: dict = {}
        self._script = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        values = dict(attrs)
        self.references += [values[name] or "" for name in _REFERRING if name in values]
        self.handlers += [name for name in values if name.startswith("on")]
        self._script = "other" if tag in ("script", "style") else ""
        if tag == "script" and values.get("id") == "data":
            self._script = "data"

    def handle_endtag(self, tag: str) -> None:
        self._script = ""

    def handle_data(self, data: str) -> None:
        if self._script == "data":
            self.data = json.loads(data)
        elif not self._script:
            self.text += data


@pytest.fixture(scope="module")
def hostile_page(tmp_path_factory: pytest.TempPathFactory) -> tuple[_Page, Path]:
    """The report of an experiment in which every text is an attack."""
    folder = tmp_path_factory.mktemp("hostile")
    names = [HOSTILE.replace("/", "∕"), *image_names(20)]
    results = make_results(folder / "images", names, name=HOSTILE, targets=[names[0], "gone.png"])
    summary = results.summary
    attack = {"error": HOSTILE, "params": {"n_clusters": 3, "metric": HOSTILE}, "details": {HOSTILE: HOSTILE}}
    trials = [trial.model_copy(update=attack) for trial in summary.trials]
    embeddings = [record.model_copy(update={"model": HOSTILE, "weights": HOSTILE}) for record in summary.embeddings]
    skipped = [SkippedImage(HOSTILE, HOSTILE)]
    summary = summary.model_copy(
        update={
            "experiment": summary.experiment.model_copy(update={"yardstick": HOSTILE, "tracking_uri": HOSTILE}),
            "images": summary.images.model_copy(update={"skipped": skipped, "root": HOSTILE}),
            "trials": trials,
            "embeddings": embeddings,
            "seconds": {HOSTILE: 1.0},
        }
    )
    out = folder / "out"
    write_outputs(out, replace(results, summary=summary, config_yaml=HOSTILE), top=2, show_progress=False)
    return _Page((out / "report.html").read_text("utf-8")), out / "report.html"


def test_nothing_is_loaded_from_elsewhere(hostile_page: tuple[_Page, Path]) -> None:
    page, path = hostile_page
    assert "link" not in page.tags
    assert "base" not in page.tags
    loaded = [reference for reference in page.references if not reference.startswith(("data:", "#"))]
    for reference in loaded:
        assert (path.parent / reference.replace("%20", " ")).exists(), reference
    assert "default-src 'none'" in path.read_text("utf-8")


def test_plotly_is_there_once(hostile_page: tuple[_Page, Path]) -> None:
    assert hostile_page[1].read_text("utf-8").count("* plotly.js v") == 1


def test_texts_stay_texts(hostile_page: tuple[_Page, Path]) -> None:
    page, _ = hostile_page
    assert page.tags.count("script") == 4
    assert page.handlers == []
    assert "x" not in page.references
    assert page.text.count(HOSTILE) >= 8
    assert page.data["comparison"]["points"][0]["name"].count("<script>") == 1


def test_notes_name_what_is_missing(hostile_page: tuple[_Page, Path]) -> None:
    page, _ = hostile_page
    assert "Targets that are not among the clustered images: gone.png" in page.text


def test_map_has_every_image_with_its_thumbnail(hostile_page: tuple[_Page, Path]) -> None:
    data = hostile_page[0].data["map"]
    assert len(data["ids"]) == len(data["thumbnails"]) == len(data["maps"][0]["x"]) == 21
    assert data["targets"] == [0]
    assert all(len(labels) == 21 for labels in data["labels"].values())
    assert {trial["id"] for trial in data["trials"]} == set(data["labels"])


def test_browser_draws_it_without_an_error(hostile_page: tuple[_Page, Path], tmp_path: Path) -> None:
    if BROWSER is None:
        unavailable("no Chromium to draw the report in; apt-get install chromium")
    options = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    run = subprocess.run(
        [BROWSER, *options.split(), "--disable-component-update", "--disable-sync", "--enable-logging=stderr",
         f"--user-data-dir={tmp_path}", "--virtual-time-budget=8000", "--dump-dom", hostile_page[1].as_uri()],
        capture_output=True, text=True, timeout=240, check=True,
    )  # fmt: skip
    console = [line for line in run.stderr.splitlines() if "CONSOLE" in line]
    assert not [line for line in console if "Uncaught" in line or "Refused" in line or "violates" in line], console
    assert run.stdout.count('class="main-svg"') >= 2
    assert "4 trials" in run.stdout
    drawn = _Page(run.stdout)
    assert drawn.tags.count("script") == 4
    assert "x" not in drawn.references


def _report(out: Path, results: Results, top: int = 2) -> _Page:
    write_outputs(out, results, top=top, show_progress=False)
    return _Page((out / "report.html").read_text("utf-8"))


def test_no_usable_trial_is_said(tmp_path: Path) -> None:
    page = _report(tmp_path / "out", make_results(tmp_path, image_names(6), clusters=(), failed=2))
    assert "No trial gave a usable clustering." in page.text
    assert "2 timed out" in page.text
    assert "Ranking" not in page.text


def test_no_files_are_said(tmp_path: Path) -> None:
    page = _report(tmp_path, make_results(None, image_names(12), failed=0))
    assert "no contact sheets" in page.text
    assert page.data["map"]["thumbnails"] is None
    assert "Failed trials" not in page.text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0 s"), (9.94, "9.9 s"), (59.4, "59 s"), (59.9, "1 min 0 s"), (3599.7, "1 h 0 min"), (7800, "2 h 10 min")],
)
def test_durations_read_well(seconds: float, text: str) -> None:
    assert duration(seconds) == text
