"""placeholder"""

from __future__ import annotations

VIEW_KEY = "imagesweep"

from runner.output.summary import Summary


def experiment_tags(summary: Summary) -> dict[str, str]:
    return {"mlflow.experimentKind": "custom_model_development"}
