"""How the panel is laid out: choices on top, what is under way below them, then tabs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import fiftyone.operators.types as types

from ..engine import engine_state
from ..mlflow.pages import run_link
from ..results.choices import trial_choices
from ..running.live_runs import LiveRun, LiveRuns, RunStatus, under_way
from .charts import parallel_layout, score_layout
from .choice import NO_OTHER, TABS, read_choice
from .cluster_charts import contingency_layout, map_layout, size_layout
from .loading import Shown, load

if TYPE_CHECKING:
    from .clustering_experiments import ClusteringExperiments

MOST_TRIALS = 100
"""Trials to choose from in a list; all are in the table."""

_CHART_HEIGHT = 480
"""Pixels."""


def render_panel(panel: ClusteringExperiments, ctx: Any) -> types.Property:
    """Everything, from what is chosen."""
    root = types.Object()
    problem = engine_state().problem or ("Open a dataset first." if ctx.dataset is None else None)
    if problem is not None:
        root.view("problem", types.AlertView(severity="error", label=problem))
        return _page(root)
    shown = load(ctx.dataset, read_choice(ctx))
    _add_live_runs(root, panel, LiveRuns(ctx.dataset).all())
    if not shown.runs:
        _add_empty(root, panel)
        return _page(root)
    _add_choices(root, panel, shown)
    if shown.problem is not None:
        root.view("problem", types.AlertView(severity="error", label=shown.problem))
        return _page(root)
    _add_facts(root, panel, shown)
    _add_tabs(root, panel)
    _add_tab(root, panel, shown)
    return _page(root)


def render_problem(panel: ClusteringExperiments, problem: str) -> types.Property:
    """Why nothing can be shown, and a button to look again."""
    root = types.Object()
    root.view("problem", types.AlertView(severity="error", label=problem))
    root.btn("again", "Try again", icon="refresh", variant="outlined", on_click=panel.refresh)
    return _page(root)


def _page(root: types.Object) -> types.Property:
    return types.Property(
        root, view=types.GridView(orientation="vertical", align_x="left", align_y="top", gap=2, px=2, py=2)
    )


def _add_empty(root: types.Object, panel: ClusteringExperiments) -> None:
    root.md(
        "**No experiment yet**\n\nAn experiment embeds the images, tries many clusterings, ranks them, and writes the "
        "best as labels.",
        name="empty",
    )
    root.btn(
        "start", "Run clustering experiment", icon="bubble_chart", variant="contained", on_click=panel.run_experiment
    )


def _add_live_runs(root: types.Object, panel: ClusteringExperiments, runs: list[LiveRun]) -> None:
    running = under_way(runs)
    ended = [run for run in runs if run.status in (RunStatus.FAILED, RunStatus.CANCELLED)]
    for number in range(len(running)):
        row = root.v_stack(f"live_{number}", gap=1, width="100%")
        row.str("label", view=types.MarkdownView())
        row.view("progress", types.ProgressView())
        row.btn("cancel", "Cancel", icon="cancel", variant="outlined", on_click=panel.cancel)
    for run in ended[:1]:
        severity = "error" if run.status is RunStatus.FAILED else "warning"
        label = f"{run.name}: {run.status.value}"
        root.view("ended", types.AlertView(severity=severity, label=label, description=run.error or ""))
        row = root.h_stack("ended_actions", gap=1)
        row.btn("resume", "Run it again", icon="replay", variant="outlined", on_click=panel.resume)
        row.btn("dismiss", "Dismiss", icon="close", variant="outlined", on_click=panel.dismiss)


def _add_choices(root: types.Object, panel: ClusteringExperiments, shown: Shown) -> None:
    row = root.h_stack("top", gap=2, align_y="center")
    _add_dropdown(
        row,
        "experiment",
        {run.key: run.key for run in shown.runs},
        shown.choice.experiment,
        "Experiment",
        panel.choose_experiment,
    )
    others = {run.key: run.key for run in shown.runs if run.key != shown.choice.experiment}
    if others:
        _add_dropdown(
            row,
            "other",
            {NO_OTHER: "none", **others},
            shown.choice.other or NO_OTHER,
            "Compared with",
            panel.choose_other,
        )
    actions = root.h_stack("actions", gap=1, align_y="center")
    actions.btn(
        "run", "New", icon="add", variant="outlined", title="Run another experiment", on_click=panel.run_experiment
    )
    actions.btn("write", "Write labels", icon="label", variant="outlined", on_click=panel.write_trial)
    actions.btn("rank", "Rank again", icon="leaderboard", variant="outlined", on_click=panel.rank_again)
    actions.btn("all", "Show all", icon="clear_all", variant="outlined", on_click=panel.show_all)
    actions.btn("refresh", "", icon="refresh", variant="outlined", title="Refresh", on_click=panel.refresh)
    actions.btn(
        "delete", "", icon="delete", variant="outlined", title="Delete experiment", on_click=panel.delete_experiment
    )


def _add_facts(root: types.Object, panel: ClusteringExperiments, shown: Shown) -> None:
    run = shown.run
    if run is None or shown.results is None:
        return
    from runner.utils.text import count_of

    summary = shown.results.summary
    skipped = f", {len(summary.images.skipped)} skipped" if summary.images.skipped else ""
    embeddings = count_of(len(summary.embeddings), "embedding")
    facts = f"{count_of(run.n_images, 'image')}{skipped} · {embeddings} · {count_of(run.n_trials, 'trial')}"
    root.md(facts, name="facts")
    if run.run_id is None:
        return
    root.str("mlflow", view=types.MarkdownView())
    if run_link(run) is None:
        root.btn("open_mlflow", "Open MLflow", icon="query_stats", variant="outlined", on_click=panel.open_mlflow)


def _add_tabs(root: types.Object, panel: ClusteringExperiments) -> None:
    tabs = types.TabsView()
    for value, label in TABS.items():
        tabs.add_choice(value, label=label)
    root.enum("tab", list(TABS), default="ranking", view=tabs, on_change=panel.choose_tab)


def _add_tab(root: types.Object, panel: ClusteringExperiments, shown: Shown) -> None:
    assert shown.results is not None
    tab = shown.choice.tab
    if shown.trial is None:
        root.md("No trial gave a usable clustering; more images, another model or another mode may help.", name="none")
        return
    if tab in ("clusters", "map", "compare"):
        _add_trials(root, panel, shown)
    match tab:
        case "ranking":
            _add_ranking(root, panel, shown)
        case "scores":
            _add_chart(root, tab, score_layout(), on_click=panel.click_score)
        case "parallel":
            _add_chart(root, tab, parallel_layout())
        case "clusters":
            _add_chart(root, tab, size_layout(), on_click=panel.click_size)
        case "map":
            _add_chart(root, tab, map_layout(), on_click=panel.click_map, on_selected=panel.lasso_map)
        case "compare":
            _add_chart(root, tab, contingency_layout(), on_click=panel.click_contingency)


def _add_trials(root: types.Object, panel: ClusteringExperiments, shown: Shown) -> None:
    assert shown.results is not None
    row = root.v_stack("trials", gap=1)
    choices = trial_choices(shown.results.summary, MOST_TRIALS)
    _add_dropdown(row, "trial", choices, shown.trial, "Trial", panel.choose_trial)
    if shown.choice.tab == "compare":
        others = trial_choices((shown.other or shown.results).summary, MOST_TRIALS)
        if shown.other is None:
            others.pop(shown.trial or "", None)
        _add_dropdown(row, "other_trial", others, shown.choice.other_trial, "Beside", panel.choose_other_trial)


def _add_ranking(root: types.Object, panel: ClusteringExperiments, shown: Shown) -> None:
    assert shown.table is not None
    view = types.TableView(on_click_cell=panel.click_ranking, size="small", variant="outlined")
    for key, title in shown.table.titles(shown.choice.order).items():
        view.add_column(key, label=title)
    root.obj("ranking", view=view)


def _add_dropdown(
    parent: types.Object, name: str, choices: dict[str, str], value: str | None, label: str, on_change: Any
) -> None:
    view = types.DropdownView(label=label)
    for key, text in choices.items():
        view.add_choice(key, label=text)
    parent.enum(name, list(choices), default=value, label=label, view=view, on_change=on_change)


def _add_chart(root: types.Object, tab: str, layout: dict[str, Any], **events: Any) -> None:
    config = {"displayModeBar": tab in ("map", "scores"), "responsive": True, "scrollZoom": tab == "map"}
    root.plot(f"{tab}_chart", layout={"height": _CHART_HEIGHT, **layout}, config=config, **events)
