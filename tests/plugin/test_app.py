"""The plugin as a person uses it, in a headless browser, on drawings and photos; every step leaves a screenshot."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from runner.integrations.fiftyone.experiment_runs import experiment_runs
from runner.integrations.fiftyone.field_record import cluster_fields
from runner.integrations.fiftyone.pair_store import read_sample_pairs
from tests.plugin.browser import (
    Screenshots,
    app_server,
    count_of_samples,
    enabled,
    execute_now,
    open_page,
    option,
    run_operator,
    settled,
    tick_sample,
)
from tests.plugin.conftest import ROOT, make_dataset

if TYPE_CHECKING:
    from fiftyone import Dataset
    from playwright.sync_api import Page

NAME = "seen"
LONG = 150_000
"""Milliseconds that an experiment may take on a busy machine."""


@pytest.fixture(scope="module")
def seen(plugin: None, stamps: Path, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """60 stamps and smaller copies of three of them, without an experiment."""
    folder = tmp_path_factory.mktemp("stamps")
    files = sorted(path for path in stamps.rglob("*.png") if path.stat().st_size > 4000)
    for number, path in enumerate(files[:: len(files) // 60][:60]):
        target = folder / f"{path.parent.name}"
        target.mkdir(exist_ok=True)
        shutil.copy(path, target / path.name)
        if number % 20 == 3:
            image = Image.open(path).convert("RGBA")
            image.resize((image.width // 2, image.height // 2)).save(target / f"{path.stem} small.png")
    return make_dataset(NAME, folder)


@pytest.fixture(scope="module")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Screenshots:
    return Screenshots(tmp_path_factory.mktemp("screenshots"))


@pytest.fixture(scope="module")
def page(seen: Dataset) -> Iterator[Page]:
    with app_server() as address, open_page(address, NAME) as opened:
        yield opened


def fill_experiment(page: Page, name: str) -> None:
    """The form of an experiment of three trials at a low resolution."""
    run_operator(page, "Run clustering experiment")
    settled(page, "Schedule")
    page.get_by_text("Name of the experiment").locator("xpath=ancestor::div[.//input][1]//input").first.fill(name)
    settled(page, "Schedule")
    page.get_by_placeholder("Type and press enter to add a value").nth(1).click()
    page.keyboard.type("64")
    page.keyboard.press("Enter")
    settled(page, "Schedule")
    option(page, "Fast: about 20", "Debug")
    page.get_by_text("3 clusterings of 1 embedding").wait_for()
    settled(page, "Schedule")


def test_an_experiment_runs_at_once_with_progress(page: Page, seen: Dataset, shots: Screenshots) -> None:
    fill_experiment(page, "at_once")
    shots.take(page, "form of an experiment")
    execute_now(page)
    page.get_by_text(re.compile(r"(Preparations|Trials) .*: \d+ of \d+")).first.wait_for()
    shots.take(page, "progress at once")
    page.get_by_text("clusterings ranked").first.wait_for(timeout=LONG)
    page.get_by_role("button", name="Done").click()
    page.get_by_text("cluster 000").first.wait_for()
    page.get_by_role("tab", name="Ranking").wait_for()
    page.wait_for_timeout(1500)
    shots.take(page, "cluster labels and the panel")
    seen.reload()
    assert seen.list_runs(method="mlflow_run") == ["at_once_sweep"]


def test_the_ranking_is_sorted_and_clusters_are_shown(page: Page, seen: Dataset, shots: Screenshots) -> None:
    page.get_by_role("columnheader", name="Silhouette").click()
    page.get_by_text("Silhouette ↓").wait_for()
    shots.take(page, "ranking by silhouette")
    for tab in ("Scores", "Parameters"):
        page.get_by_role("tab", name=tab).click()
        page.locator(".js-plotly-plot").wait_for()
        page.wait_for_timeout(1500)
        shots.take(page, tab.lower())
    page.get_by_role("tab", name="Clusters").click()
    page.get_by_text("cluster 001").last.wait_for()
    page.wait_for_timeout(1500)
    page.locator(".nsewdrag").first.click(position={"x": 30, "y": 250})
    page.wait_for_timeout(2500)
    shots.take(page, "one cluster in the grid")
    field = experiment_runs(seen)[0].fields[0]
    largest = max(seen.values(f"{field}.cluster_size"))
    assert count_of_samples(page) == largest
    page.get_by_role("button", name="Show all").click()
    page.get_by_text(f"{len(seen)} samples").wait_for()


def test_samples_are_grouped_by_cluster(page: Page, seen: Dataset, shots: Screenshots) -> None:
    """By the saved view of the best trial's clusters, chosen where the App lists them."""
    seen.reload()
    field = experiment_runs(seen)[0].fields[0]
    view = next(
        name
        for name in seen.list_saved_views()
        if name.endswith("clusters") and field in str(seen.load_saved_view(name))
    )
    page.get_by_text("Unsaved view").first.click()
    page.get_by_text(view, exact=True).first.click()
    n_clusters = len(set(seen.values(f"{field}.label")))
    page.get_by_text(re.compile(rf"^{n_clusters} groups?")).first.wait_for()
    page.wait_for_timeout(1500)
    shots.take(page, "grouped by cluster")
    page.get_by_role("button", name="Show all").click()
    page.get_by_text(f"{len(seen)} samples").wait_for()


def test_a_lasso_shows_its_samples(page: Page, seen: Dataset, shots: Screenshots) -> None:
    from playwright.sync_api import expect

    page.get_by_role("tab", name="Map").click()
    page.wait_for_timeout(3500)
    box = page.locator(".nsewdrag").first.bounding_box()
    assert box is not None
    left, top = box["x"] + 10, box["y"] + 10
    page.mouse.move(left, top)
    page.mouse.down()
    for x, y in ((box["width"] / 2, 0), (box["width"] / 2, box["height"] - 20), (0, box["height"] - 20), (0, 0)):
        page.mouse.move(left + x, top + y, steps=6)
    page.mouse.up()
    page.wait_for_timeout(2500)
    expect(page.get_by_text(f"{len(seen)} samples")).to_have_count(0)
    page.get_by_text(re.compile(r"^\d+ samples?$")).first.wait_for()
    shots.take(page, "lasso on the map")
    assert 0 < count_of_samples(page) < len(seen)
    page.get_by_role("button", name="Show all").click()
    page.get_by_text(f"{len(seen)} samples").wait_for()
    page.get_by_role("tab", name="Compare").click()
    page.locator(".js-plotly-plot").wait_for()
    page.wait_for_timeout(2000)
    shots.take(page, "two trials side by side")


def test_two_samples_belong_together_and_count_at_once(page: Page, seen: Dataset, shots: Screenshots) -> None:
    for number in range(2):
        tick_sample(page, number)
    run_operator(page, "Belong together")
    page.get_by_text("2 samples, one pair").wait_for()
    shots.take(page, "belong together")
    enabled(page.get_by_role("button", name="Execute")).click()
    page.get_by_text("1 pair in all").wait_for()
    assert len(read_sample_pairs(seen).must_link) == 1
    page.get_by_role("button", name="Rank again").click()
    page.get_by_text("1 pair to be together").wait_for()
    shots.take(page, "rank again")
    enabled(page.get_by_role("button", name="Execute")).click()
    page.get_by_text("ranked again").first.wait_for(timeout=LONG)
    page.get_by_role("button", name="Done").click()
    page.get_by_role("tab", name="Ranking").click()
    page.get_by_role("columnheader", name="Pairs kept").wait_for()
    shots.take(page, "ranking with pairs")


def test_duplicates_by_the_plot_of_thresholds(page: Page, seen: Dataset, shots: Screenshots) -> None:
    run_operator(page, "Find near-duplicates")
    settled(page, "Execute")
    option(page, "Alike to the model", "Alike in its pixels")
    page.get_by_text("This is the knee").wait_for()
    page.locator(".js-plotly-plot").first.wait_for()
    page.wait_for_timeout(1500)
    shots.take(page, "threshold of duplicates")
    field = page.get_by_text("Similarity from which on").locator("xpath=ancestor::div[.//input][1]//input").first
    field.fill("0.99")
    page.get_by_text("This is the knee").wait_for(state="detached")
    page.get_by_text(re.compile(r"^At 0.99: .* images")).wait_for()
    plot = page.locator(".js-plotly-plot .nsewdrag").first.bounding_box()
    assert plot is not None
    page.mouse.move(plot["x"] + plot["width"] / 2, plot["y"] + plot["height"] / 2)
    page.wait_for_timeout(400)
    page.mouse.click(plot["x"] + plot["width"] / 2, plot["y"] + plot["height"] / 2)
    page.get_by_text(re.compile(r"^At 0.99: .* images")).wait_for(state="detached")
    settled(page, "Execute")
    shots.take(page, "threshold clicked")
    assert page.get_by_text(re.compile(rf"^At {float(field.input_value()):.4g}: .* images")).count() == 1
    enabled(page.get_by_role("button", name="Execute")).click()
    page.get_by_text("groups in the field").wait_for()
    page.get_by_text("group 001").first.wait_for()
    shots.take(page, "groups of duplicates")
    seen.reload()
    assert len(seen.exists("duplicates")) >= 6
    page.get_by_role("button", name="Show all").click()


def test_clusters_get_names(page: Page, seen: Dataset, shots: Screenshots) -> None:
    run_operator(page, "Name clusters")
    page.get_by_text("clusters have a name").wait_for()
    shots.take(page, "form of names")
    enabled(page.get_by_role("button", name="Execute")).click()
    page.get_by_text("clusters named").first.wait_for()
    page.get_by_role("button", name="Done").click()
    page.wait_for_timeout(2000)
    shots.take(page, "named clusters")
    seen.reload()
    assert any(record.names for record in cluster_fields(seen).values())


def test_an_experiment_in_the_background(page: Page, seen: Dataset, shots: Screenshots) -> None:
    fill_experiment(page, "later")
    enabled(page.get_by_role("button", name="Schedule")).click()
    page.wait_for_timeout(2000)
    shots.take(page, "scheduled")
    worker = subprocess.Popen([sys.executable, ROOT / "tests" / "plugin" / "worker.py"], cwd=ROOT)
    refresh = page.locator("[title=Refresh], [aria-label=Refresh]").first
    progress = page.get_by_text(re.compile(r"later · .*: [\d,]+ of [\d,]+"))
    for _ in range(60):
        refresh.click()
        page.wait_for_timeout(1500)
        if page.get_by_text("later ·").count():
            break
    progress.first.wait_for()
    shots.take(page, "progress in the panel")
    page.get_by_text("experiment has ended").first.wait_for(timeout=LONG)
    assert worker.wait(timeout=120) == 0
    refresh.click()
    page.wait_for_timeout(2500)
    shots.take(page, "two experiments")
    page.get_by_role("combobox").filter(has_text=re.compile("at_once|later")).first.click()
    page.get_by_role("option", name="later").first.wait_for()
    page.keyboard.press("Escape")
    seen.reload()
    assert set(seen.list_runs(method="mlflow_run")) == {"at_once_sweep", "later_sweep"}
