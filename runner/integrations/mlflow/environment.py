"""MLflow's own environment variables, as the defaults of the settings that say the same."""

from __future__ import annotations

import os
from collections.abc import Mapping

from runner.config.experiment import ExperimentConfig
from runner.errors import UsageError
from runner.integrations.mlflow.tracking_uri import checked_tracking_uri

VARIABLES = {"tracking_uri": "MLFLOW_TRACKING_URI", "experiment_name": "MLFLOW_EXPERIMENT_NAME"}
"""By setting; an empty variable counts as none, as MLflow has it."""


def with_mlflow_environment(
    config: ExperimentConfig, environment: Mapping[str, str] = os.environ
) -> tuple[ExperimentConfig, str]:
    """The settings with what they leave open filled in from the environment.

    Returns:
        the settings, and a sentence that names the variables which count; empty where none does.

    Raises:
        UsageError: a variable names no store that MLflow can log to.
    """
    found = {
        setting: environment[variable].strip()
        for setting, variable in VARIABLES.items()
        if getattr(config, setting) is None and environment.get(variable, "").strip()
    }
    if "tracking_uri" in found:
        try:
            checked_tracking_uri(found["tracking_uri"])
        except UsageError as error:
            raise UsageError(
                f"{VARIABLES['tracking_uri']} is set, and {error}; --tracking-uri wins over the variable"
            ) from error
    words = {"tracking_uri": "the MLflow store", "experiment_name": "the name of the MLflow experiment"}
    told = [
        f"{words[setting]} is that of {VARIABLES[setting]}, as --{setting.replace('_', '-')} is not given"
        for setting in found
    ]
    return config.model_copy(update=found), "; ".join(told)
