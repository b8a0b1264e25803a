"""Names of clusters: by the bundled classifier on real photographs, by a text tower, and by nobody."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import runner
from runner.embed.recipe_resolver import ModelResolver
from runner.errors import RunnerError, UsageError
from runner.experiment.cluster_names import name_clusters
from runner.experiment.results import open_experiment
from runner.images.demo_images import write_demo_images
from runner.naming.cluster_means import mean_directions
from runner.naming.unique_names import choose_names, likely_classes
from runner.naming.vocabulary import default_vocabulary, read_vocabulary
from runner.naming.zero_shot import name_directions

CONFIG: dict[str, Any] = {
    "model_cfg": {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 32, "patch_size": 8, "width": 32, "layers": 2, "head_width": 16},
        "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
    },
    "preprocess_cfg": {"mean": [0.4, 0.5, 0.6], "std": [0.2, 0.3, 0.25], "interpolation": "bicubic"},
}


@pytest.fixture(scope="module")
def tiny_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a checkpoint of a real CLIP, as small as they get, with random weights."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("models") / "tiny-clip"
    folder.mkdir()
    (folder / "open_clip_config.json").write_text(json.dumps(CONFIG))
    torch.manual_seed(5)
    save_file(open_clip.CLIP(**CONFIG["model_cfg"]).state_dict(), folder / "open_clip_model.safetensors")
    return folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tiles of a photograph of a cat, of one of a cup of coffee, and of one of a rocket, among others."""
    everything = tmp_path_factory.mktemp("demo")
    write_demo_images(everything)
    folder = tmp_path_factory.mktemp("photos")
    for kind in ("nature/cat", "things/coffee", "things/rocket", "nature/dahlia"):
        (everything / kind).rename(folder / kind.replace("/", "_"))
    return folder


def run(photos: Path, model: str, resolution: int, out: Path, cache_dir: Path) -> runner.Summary:
    return runner.run_experiment(
        runner.ExperimentConfig(
            images=photos,
            models=(model,),
            resolutions=(resolution,),
            algorithms=("kmeans",),
            sweep={"kmeans": [{"n_clusters": 4}]},
            out=out,
            cache_dir=cache_dir,
            top=0,
        )
    )


@pytest.mark.check
def test_the_bundled_model_knows_photographs(photos: Path, tmp_path: Path, cache_dir: Path) -> None:
    summary = run(photos, "efficientnet_lite0", 224, tmp_path / "out", cache_dir)
    experiment = open_experiment(tmp_path / "out")
    (trial,) = summary.ranking
    names = name_clusters(experiment, trial)
    labels = experiment.labels(trial)
    shown = {
        name: Counter(Path(experiment.images.ids[row]).parts[0] for row in np.flatnonzero(labels == cluster))
        for cluster, name in names.items()
    }
    by_kind = {kinds.most_common(1)[0][0]: name for name, kinds in shown.items()}
    assert by_kind["nature_cat"] in ("Egyptian Mau", "tabby cat", "tiger cat", "lynx"), shown
    assert by_kind["things_coffee"] in ("espresso", "coffee mug", "cup"), shown
    command = [sys.executable, "-m", "runner", "names", str(tmp_path / "out"), "--to", str(tmp_path / "names.json")]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "espresso" in printed or "cup" in printed
    assert json.loads((tmp_path / "names.json").read_text()) == {str(cluster): name for cluster, name in names.items()}
    with pytest.raises(UsageError, match="by ImageNet's classes only"):
        name_clusters(experiment, trial, vocabulary=tmp_path / "words.txt")


@pytest.mark.check
def test_a_text_tower_names_by_vocabulary(photos: Path, tiny_clip: Path, tmp_path: Path, cache_dir: Path) -> None:
    summary = run(photos, str(tiny_clip), 32, tmp_path / "out", cache_dir)
    experiment = open_experiment(tmp_path / "out")
    (trial,) = summary.ranking
    words = tmp_path / "words.txt"
    words.write_text("# mine\ncat\n\ncup of  coffee\nrocket\ncat\n")
    names = name_clusters(experiment, trial, vocabulary=words)
    vocabulary = ("cat", "cup of coffee", "rocket")
    assert read_vocabulary(words) == vocabulary
    config = experiment.embedding_config(summary.embeddings[0].key)
    assert config is not None
    directions = name_directions(ModelResolver(cache_dir).recipe_of(config), vocabulary)
    means = mean_directions(experiment.labels(trial), experiment.vectors(config.key))
    best = (means @ directions.T).argmax(axis=1)
    assert len(set(names.values())) == 4
    assert all(name.startswith(vocabulary[best[cluster]]) for cluster, name in names.items())


def test_directions_are_those_of_open_clip(tiny_clip: Path, tmp_path: Path) -> None:
    import open_clip
    import torch

    recipe = ModelResolver(tmp_path).resolve(str(tiny_clip))
    model, _, _ = open_clip.create_model_and_transforms(f"local-dir:{tiny_clip}")
    tokenize = open_clip.get_tokenizer(f"local-dir:{tiny_clip}")
    for name, direction in zip(("cat", "rocket"), name_directions(recipe, ("cat", "rocket")), strict=True):
        texts = [template(name) for template in open_clip.SIMPLE_IMAGENET_TEMPLATES]
        with torch.inference_mode():
            mean = model.eval().encode_text(tokenize(texts), normalize=True).mean(dim=0)
        assert direction == pytest.approx((mean / mean.norm()).numpy(), abs=1e-5)


def test_models_without_words(tiny_clip: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    resolver = ModelResolver(tmp_path)
    with pytest.raises(RunnerError, match="no text tower to compare names with; use a CLIP model"):
        name_directions(resolver.resolve("efficientnet_lite0"), ("cat", "dog"))
    half = tmp_path / "half"
    half.mkdir()
    (half / "open_clip_config.json").write_text(json.dumps(CONFIG))
    tensors = load_file(tiny_clip / "open_clip_model.safetensors")
    visual = {name: tensor for name, tensor in tensors.items() if name.startswith("visual.")}
    save_file(visual, half / "open_clip_model.safetensors")
    with pytest.raises(RunnerError, match="holds no text tower"):
        name_directions(resolver.resolve(str(half)), ("cat", "dog"))


def test_vocabularies(tmp_path: Path) -> None:
    default = default_vocabulary()
    assert len(default) > 1000 and len(set(default)) == len(default)
    with pytest.raises(RunnerError, match="can't be read"):
        read_vocabulary(tmp_path / "none.txt")
    (tmp_path / "one.txt").write_text("cat\n# dog\n")
    with pytest.raises(UsageError, match="holds 1 names"):
        read_vocabulary(tmp_path / "one.txt")


def test_same_names_are_numbered_and_stay_different() -> None:
    sizes = np.array([3, 9, 5, 1])
    assert choose_names(np.array([[1, 0]] * 4), ["cat", "cat 2"], sizes) == {
        1: "cat",
        2: "cat 3",
        0: "cat 4",
        3: "cat 5",
    }


def test_what_the_classifier_finds_everywhere_is_no_name() -> None:
    logits = np.array([[9.0, 8.9, 0], [9.0, 0, 8.8], [9.0, 0, 0]])
    sizes = np.array([4, 4, 4])
    assert choose_names(likely_classes(logits, sizes), ["hook", "cat", "dog"], sizes) == {0: "cat", 1: "dog", 2: "hook"}
    unsure = np.zeros((1, 1000))
    assert choose_names(likely_classes(unsure, sizes[:1]), [str(name) for name in range(1000)], sizes[:1]) == {}
