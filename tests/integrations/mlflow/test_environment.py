"""MLflow's environment variables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

import runner
from runner.cli import main
from runner.errors import UsageError
from runner.integrations.mlflow.environment import with_mlflow_environment
from runner.results.files import read_summary

CONFIG = runner.ExperimentConfig(images="photos")
BOTH = {"MLFLOW_TRACKING_URI": "https://mlflow.example", "MLFLOW_EXPERIMENT_NAME": "theirs"}


def test_they_are_the_defaults() -> None:
    config, note = with_mlflow_environment(CONFIG, BOTH)
    assert (config.tracking_uri, config.experiment_name) == ("https://mlflow.example", "theirs")
    assert "MLFLOW_TRACKING_URI" in note and "MLFLOW_EXPERIMENT_NAME" in note


def test_what_is_given_wins() -> None:
    given = CONFIG.model_copy(update={"tracking_uri": "sqlite:///own.db", "experiment_name": "own"})
    assert with_mlflow_environment(given, BOTH) == (given, "")
    config, note = with_mlflow_environment(CONFIG.model_copy(update={"experiment_name": "own"}), BOTH)
    assert (config.tracking_uri, config.experiment_name) == ("https://mlflow.example", "own")
    assert "MLFLOW_EXPERIMENT_NAME" not in note


def test_empty_ones_are_none() -> None:
    assert with_mlflow_environment(CONFIG, {"MLFLOW_TRACKING_URI": " ", "MLFLOW_EXPERIMENT_NAME": ""}) == (CONFIG, "")


def test_a_store_that_cannot_be_used_names_the_variable() -> None:
    with pytest.raises(UsageError, match=r"MLFLOW_TRACKING_URI is set, and .*mlruns.*; --tracking-uri wins"):
        with_mlflow_environment(CONFIG, {"MLFLOW_TRACKING_URI": "./mlruns"})


def test_an_experiment_goes_where_they_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "vectors.npy", np.random.default_rng(0).normal(size=(12, 4)).astype(np.float32))
    uri = f"sqlite:///{tmp_path}/theirs.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "theirs")
    command = ["experiment", "--embeddings", str(tmp_path / "vectors.npy"), "--mode", "debug", "--top", "0"]
    command += ["--algorithms", "kmeans", "--workers", "1", "--out", str(tmp_path / "out")]
    assert main(command) == 0
    told = capsys.readouterr().out
    assert f"MLflow at {uri}" in told and "MLFLOW_TRACKING_URI" in told and "MLFLOW_EXPERIMENT_NAME" in told
    experiment = read_summary(tmp_path / "out").experiment
    assert (experiment.name, experiment.tracking_uri) == ("theirs", uri)
    assert (tmp_path / "theirs.db").is_file() and not (tmp_path / "out" / "mlflow.db").exists()
    settings = yaml.safe_load((tmp_path / "out" / "config.yaml").read_text())
    assert (settings["experiment_name"], settings["tracking_uri"]) == ("theirs", uri)
