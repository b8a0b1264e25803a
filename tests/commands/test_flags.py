"""Every setting of the commands becomes a flag that says what it takes, and comes back validated."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from runner.cli import main
from runner.commands.flags import Flags
from runner.config.experiment import ExperimentConfig, Mode
from runner.embed.embedding_config import Fit
from runner.errors import UsageError
from runner.similar.config import SimilarConfig


def _typed(flags: Flags, names: list[str], *words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    flags.add(parser, names)
    return parser.parse_args(words)


def test_help_gives_choices_and_defaults(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    with pytest.raises(SystemExit):
        _typed(Flags(SimilarConfig, {"results": "--in"}), [*SimilarConfig.model_fields], "--help")
    text = capsys.readouterr().out
    assert (
        "--preprocess FIT      how an image is brought into the square: letterbox, center_crop, resize (default" in text
    )
    assert "--in RESULTS" in text
    assert "in this way: copy, hardlink, symlink\n" in text
    assert "(default: 20)" in text and "None" not in text


@pytest.mark.parametrize("command", ["experiment", "sweep", "embed", "duplicates", "similar", "export", "cache"])
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([command, "--help"])
    assert stopped.value.code == 0 and "%%" not in capsys.readouterr().out


def test_only_what_was_typed_is_given() -> None:
    flags = Flags(ExperimentConfig)
    names = ["images", "models", "preprocess", "fresh", "mode", "cache_dir"]
    options = _typed(flags, names, "--images", "photos", "--preprocess", "resize", "letterbox", "--fresh")
    assert flags.given(options) == {"images": ["photos"], "preprocess": ["resize", "letterbox"], "fresh": True}
    assert flags.value(options, "mode") is Mode.BALANCED
    assert flags.read(options).preprocess == (Fit.RESIZE, Fit.LETTERBOX)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--count", "0"], "--count 0: should be greater than or equal to 1"),
        (["--in", "results", "--device", "abacus"], "--device abacus: "),
        ([], "exactly one of --images, --images-from, --dataset, --in, not none"),
    ],
)
def test_what_is_wrong_names_the_flag(words: list[str], message: str) -> None:
    flags = Flags(SimilarConfig, {"results": "--in"})
    with pytest.raises(UsageError, match=message):
        flags.read(_typed(flags, ["results", "count", "device"], *words))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--sample", "0%"], "--sample 0%: '0%' is no share above 0% and up to 100%"),
        (["--sample", "150%"], "--sample 150%: '150%' is no share above 0% and up to 100%"),
        (["--sample", "200%"], "--sample 200%: '200%' is no share above 0% and up to 100%"),
        (["--seed", "4294967296"], "--seed 4294967296: should be less than or equal to 4294967295"),
        (["--sample", "-5"], "--sample -5: should be greater than or equal to 1"),
        (["--sample", "some"], "--sample some: 'some' is neither a share such as 5% nor a count such as 1000"),
        (["--batch-size", "0"], "--batch-size 0: should be greater than or equal to 1"),
        (["--resolutions", "224", "8"], "--resolutions 8: should be greater than or equal to 16"),
        (["--set", "batch_size=0"], "batch_size=0: should be greater than or equal to 1"),
        (["--set", "autoencoder.loss=l3"], "autoencoder.loss=l3: should be 'l1', 'mse' or 'perceptual'"),
        (["--set", "bach_size=2"], "unknown setting 'bach_size'; did you mean 'batch_size'?"),
        (
            ["--embeddings", "x.npy"],
            "exactly one of --images, --images-from, --dataset, --embeddings, not --images and --embeddings",
        ),
    ],
)
def test_experiments_name_what_was_typed(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["experiment", "--images", str(tmp_path), *words]) == 2
    assert message in capsys.readouterr().err


def test_ready_made_vectors_need_no_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["experiment", "--embeddings", "x.npy", "--models", "pixels", "--resolutions", "64"]) == 2
    assert "--models, --resolutions would have no effect" in capsys.readouterr().err


def test_help_of_another_sweep_says_what_it_inherits(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["sweep", "--help"])
    told = " ".join(capsys.readouterr().out.split())
    assert "(random_state in Python) (default: as in RESULTS)" in told and "(default: 42)" not in told
    assert "(default: RESULTS-sweep)" in told
