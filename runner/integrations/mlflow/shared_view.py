"""The view that ``runner ui`` opens: trials in order of rank, with the columns and charts that compare them.

Left to itself, MLflow shows the parent run only, and a bar chart for each of its metrics. The form is that of the
links which MLflow's "Share" button makes: the state of its runs page, kept in a tag of the experiment. A version of
MLflow that does not know it shows its own first page instead.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from runner.cluster.trial import TrialStatus
from runner.integrations.mlflow.run_records import EXPERIMENT_TAG, TRIAL_TAG, embedding_params, score_key
from runner.results.summary import Summary
from runner.score.catalogue import SCORES, Shown, shown_in

_TAG = "mlflow.sharedViewState."
_PARAMETERS = "parameters and scores"
_TRADE_OFFS = "trade-offs"
_RANKED_BY = score_key("ranking_score")

_NAME_COLUMN = "attributes.`Run Name`"
_SCATTERS = (
    (score_key("n_clusters"), _RANKED_BY),
    (score_key("noise_share"), _RANKED_BY),
    ("time/seconds", _RANKED_BY),
    (_RANKED_BY, score_key("ami")),
)


def _columns() -> list[str]:
    scores = (score_key(score.key) for score in shown_in(Shown.MLFLOW_COLUMN))
    metrics = ("score/rank", *scores, "time/seconds")
    params = ("model", "resolution", "fit", "algorithm", "space")
    return [*(f"metrics.`{key}`" for key in metrics), *(f"params.`{key}`" for key in params)]


def _axes() -> list[str]:
    """MLflow colours the lines by the last one."""
    return [
        *(score_key(score.key) for score in shown_in(Shown.MLFLOW_AXIS) if score.key != "ranking_score"),
        _RANKED_BY,
    ]


def _folded_sections() -> list[str]:
    return sorted({"detail", "time", *(score.section for score in SCORES.values())})


def view_key(fingerprint: str) -> str:
    """Name of the view of the experiment with that fingerprint."""
    return f"imagesweep-{fingerprint[:16]}"


def experiment_tags(summary: Summary) -> dict[str, str]:
    """Tags of the MLflow experiment: that it is no chat application, and the view."""
    return {
        "mlflow.experimentKind": "custom_model_development",
        _TAG + view_key(summary.experiment.fingerprint): json.dumps(view_state(summary), separators=(",", ":")),
    }


def view_query(fingerprint: str) -> str:
    """Query of the runs page that opens the view with its charts."""
    return f"viewStateShareKey={view_key(fingerprint)}&compareRunsMode=CHART&workflowType=machine_learning"


def view_state(summary: Summary) -> dict[str, object]:
    """State of MLflow's runs page, JSON-ready."""
    return {
        "searchFilter": f"tags.`{EXPERIMENT_TAG}` = '{summary.experiment.fingerprint}' and tags.`{TRIAL_TAG}` != ''",
        "orderByKey": "metrics.`score/rank`",
        "orderByAsc": True,
        "selectedColumns": _columns(),
        "columnOrder": [_NAME_COLUMN, *_columns()],
        "columnWidths": {_NAME_COLUMN: 420},
        "runsHiddenMode": "SHOW_ALL",
        "compareRunCharts": _charts(summary),
        "compareRunSections": [
            _section(_PARAMETERS, True, columns=1),
            _section(_TRADE_OFFS, True, columns=2),
            *(_section(name, False) for name in _folded_sections()),
        ],
        "isAccordionReordered": True,
    }


def _charts(summary: Summary) -> list[dict[str, object]]:
    measured = _measured(summary)
    axes = [key for key in _axes() if key in measured]
    charts: list[dict[str, object]] = [
        {
            "type": "PARALLEL",
            "metricSectionId": _PARAMETERS,
            "selectedParams": _differing_params(summary),
            "selectedMetrics": axes,
            "showAllRuns": True,
        }
    ]
    charts += [_scatter(x, y) for x, y in _SCATTERS if {x, y} <= measured]
    return [{"uuid": f"imagesweep-{number}", "deleted": False, **chart} for number, chart in enumerate(charts)]


def _scatter(x: str, y: str) -> dict[str, object]:
    axes = {name: {"key": key, "type": "METRIC"} for name, key in (("xaxis", x), ("yaxis", y))}
    return {"type": "SCATTER", "metricSectionId": _TRADE_OFFS, "runsCountToCompare": 500, **axes}


def _section(name: str, unfolded: bool, columns: int = 3) -> dict[str, object]:
    shape = {"columns": columns, "cardHeight": 360}
    state = {"display": unfolded, "isReordered": True, "deleted": False, "isGenerated": False}
    return {"uuid": name, "name": name, **state, **shape}


def _measured(summary: Summary) -> set[str]:
    """Metrics that some trial has."""
    scores = [asdict(record.scores) for record in summary.trials if record.scores is not None]
    return {"time/seconds"} | {score_key(name) for each in scores for name, value in each.items() if value is not None}


def _differing_params(summary: Summary) -> list[str]:
    """Params that all finished trials have and that tell some apart."""
    embeddings = {record.key: embedding_params(record) for record in summary.embeddings}
    rows = [
        embeddings.get(record.embedding, {}) | {"algorithm": record.algorithm, "space": record.space}
        for record in summary.trials
        if record.status is TrialStatus.DONE
    ]
    names: Sequence[str] = ("model", "resolution", "fit", "precision", "space", "algorithm")
    return [name for name in names if _tells_apart(row.get(name) for row in rows)]


def _tells_apart(values: Iterable[str | None]) -> bool:
    distinct = set(values)
    return len(distinct) > 1 and None not in distinct
