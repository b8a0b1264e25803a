"""The panel without a browser: what it loads, how it sorts, and what a click makes of it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from runner.integrations.fiftyone.experiment_runs import experiment_runs, register_experiment
from runner.results.files import read_labels, read_paths, read_summary
from tests.plugin.conftest import Execute

if TYPE_CHECKING:
    from fiftyone import Dataset

PANEL = "clustering_experiments"


def module(name: str) -> Any:
    """A module of the plugin as FiftyOne has loaded it."""
    import importlib

    return importlib.import_module(f"fiftyone.plugins.orgs.imagesweep.clustering.panel.{name}")


class Session:
    """A panel that is open: keeps its state between events, as the App does."""

    def __init__(self, execute: Execute, dataset: Dataset) -> None:
        self._execute, self._dataset = execute, dataset
        self.state: dict[str, Any] = {}
        self.data: dict[str, Any] = {}
        self.requests: list[dict[str, Any]] = []

    def event(self, method: str, **params: Any) -> list[str]:
        """Send an event; the names of what the panel then asks of the App."""
        sent = {"panel_id": "panel", "panel_state": self.state, "__method__": method, **params}
        self.requests = self._execute(PANEL, self._dataset, sent).executor.to_json()["requests"]
        for request in self.requests:
            if request["operator_uri"] == "patch_panel_state":
                self.state |= request["params"]["state"]
            if request["operator_uri"] == "patch_panel_data":
                self.data |= request["params"]["data"]
        return [request["operator_uri"] for request in self.requests]

    def drawn(self) -> dict[str, Any]:
        """The properties that the panel shows."""
        shown = next(one for one in self.requests if one["operator_uri"] == "show_panel_output")
        properties: dict[str, Any] = shown["params"]["output"]["type"]["properties"]
        return properties


@pytest.fixture
def session(execute: Execute, study: Dataset) -> Session:
    opened = Session(execute, study)
    opened.event("on_load")
    return opened


def test_it_opens_with_the_latest_experiment_and_its_ranking(session: Session, study: Dataset) -> None:
    assert session.state["choice"]["experiment"] == "study_sweep"
    rows = session.data["ranking"]["rows"]
    assert [row[0] for row in rows] == ["1", "2", "3"]
    assert "facts" in session.drawn() and "ranking" in session.drawn()


def test_a_title_sorts_and_a_row_chooses(session: Session, study: Dataset) -> None:
    columns = session.data["ranking"]["columns"]
    place = columns.index("n_clusters")
    session.event("click_ranking", row=-1, column=place)
    counts = [int(row[place]) for row in session.data["ranking"]["rows"]]
    assert counts == sorted(counts, reverse=True)
    session.event("click_ranking", row=-1, column=place)
    assert [int(row[place]) for row in session.data["ranking"]["rows"]] == sorted(counts)
    session.event("click_ranking", row=2, column=0)
    assert session.data["ranking"]["selectedRows"] == [2]


def test_every_tab_draws_its_chart(session: Session) -> None:
    for tab in ("scores", "parallel", "clusters", "map", "compare"):
        session.event("choose_tab", value=tab)
        session.state["tab"] = tab
        assert session.data[f"{tab}_chart"], tab
        assert f"{tab}_chart" in session.drawn()


def test_a_bar_a_point_and_a_cell_show_their_samples(session: Session, study: Dataset) -> None:
    out = experiment_runs(study)[0].out
    summary = read_summary(out)
    trial, other = summary.ranking[:2]
    labels, others, ids = read_labels(out, trial), read_labels(out, other), read_paths(out)

    def shown() -> set[str]:
        import fiftyone as fo

        view = next(one for one in session.requests if one["operator_uri"] == "set_view")["params"]["view"]
        return set(fo.DatasetView._build(study, view).values("id"))

    session.state["tab"] = "clusters"
    session.event("click_size", x="cluster 001")
    assert shown() == {ids[row] for row in np.flatnonzero(labels == 1)}
    session.state["tab"] = "map"
    session.event("click_map", id=ids[0])
    assert shown() == {ids[row] for row in np.flatnonzero(labels == labels[0])}
    session.event("lasso_map", data=[{"id": ids[0]}, {"id": ids[5]}])
    assert shown() == {ids[0], ids[5]}
    session.state["tab"] = "compare"
    session.event("choose_trial", value=trial)
    session.event("choose_other_trial", value=other)
    both = (labels[0], others[0])
    session.event("click_contingency", y=f"cluster {both[0]:03d}", x=f"cluster {both[1]:03d}")
    assert shown() == {ids[row] for row in np.flatnonzero((labels == both[0]) & (others == both[1]))}


def test_a_dataset_without_experiments_offers_the_first(execute: Execute, dataset: Dataset) -> None:
    session = Session(execute, dataset)
    session.event("on_load")
    assert set(session.drawn()) == {"empty", "start"}


def test_a_failed_run_is_shown_and_can_be_run_again(execute: Execute, dataset: Dataset) -> None:
    live = sys.modules["fiftyone.plugins.orgs.imagesweep.clustering.running.live_runs"]
    now = "2020-01-01T00:00:00+00:00"
    live.LiveRuns(dataset).put(live.LiveRun("lost", started=now, seen=now, params={"name": "lost", "mode": "debug"}))
    session = Session(execute, dataset)
    session.event("on_load")
    assert "stopped answering" in session.drawn()["ended"]["view"]["description"]
    assert "prompt_user_for_operation" in session.event("resume")
    prompt = next(one for one in session.requests if one["operator_uri"] == "prompt_user_for_operation")
    assert prompt["params"]["params"] == {"name": "lost", "mode": "debug", "resume": True}
    session.event("dismiss")
    assert "ended" not in session.drawn()


def test_the_heat_map_counts_every_image_once() -> None:
    charts = module("cluster_charts")
    random = np.random.default_rng(0)
    first, second = random.integers(-1, 6, 500), random.integers(-1, 4, 500)
    trace = charts.contingency_chart(first, second)[0]
    assert np.sum(trace["z"]) == 500
    row, column = trace["y"].index("cluster 003"), trace["x"].index("noise")
    assert trace["z"][row][column] == np.count_nonzero((first == 3) & (second == -1))


def test_a_second_experiment_beside_the_first(execute: Execute, study: Dataset, tmp_path: Path) -> None:
    run = next(one for one in experiment_runs(study) if one.key == "study_sweep")
    copy = study.clone("two experiments", persistent=True)
    shutil.copytree(run.out, tmp_path / "second")
    register_experiment(copy, tmp_path / "second", read_summary(run.out))
    session = Session(execute, copy)
    session.event("on_load")
    assert session.state["choice"]["experiment"] == "study_sweep_2"
    session.event("choose_other", value="study_sweep")
    session.event("choose_tab", value="scores")
    assert [trace["name"] for trace in session.data["scores_chart"]].count("study") == 1
    session.event("choose_tab", value="compare")
    counts = np.array(session.data["compare_chart"][0]["z"])
    assert np.sum(counts) == len(copy) and np.count_nonzero(counts) == len(counts)  # the same trial, cluster by cluster
    session.event("choose_other", value="-")
    assert session.state["choice"]["other"] is None
    copy.delete()


OPENED = """
import json, sys
import fiftyone as fo, fiftyone.operators as foo, fiftyone.server.main
foo.list_operators()
dataset, before = fo.load_dataset(sys.argv[1]), set(sys.modules)
def open_panel(tab):
    params = {"panel_id": "p", "panel_state": {"tab": tab}, "__method__": "on_load"}
    foo.execute_operator("@imagesweep/clustering/clustering_experiments", dataset=dataset, params=params)
open_panel("ranking")
open_panel("map")
heavy = {"torch", "numba", "sklearn", "mlflow", "lance", "matplotlib", "pandas", "umap"}
print(json.dumps(sorted(heavy & (set(sys.modules) - before))), flush=True)
"""


def test_it_opens_in_a_fresh_process_without_anything_heavy(study: Dataset) -> None:
    done = subprocess.run([sys.executable, "-c", OPENED, study.name], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    heavy = json.loads(done.stdout.strip().splitlines()[-1])
    assert heavy == []
