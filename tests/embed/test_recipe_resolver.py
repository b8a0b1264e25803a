from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch

from runner.embed.embedding_config import Fit, Precision
from runner.embed.families.open_clip import aliases, default_tag, open_clip_architectures
from runner.embed.recipe_resolver import ModelResolver
from runner.embed.resolve_models import known_models, resolve_models
from runner.embed.weights.local_checkpoint import find_weights
from runner.embed.weights.state_dict import read_state_dict
from runner.errors import RunnerError, UsageError


@pytest.fixture
def resolver(shared_cache: Path) -> ModelResolver:
    return ModelResolver(shared_cache)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """Some file where a checkpoint could be; what is in it does not matter before it is loaded."""
    path = tmp_path / "weights.safetensors"
    path.write_bytes(b"weights")
    return path


def test_the_catalogue_is_open_clips() -> None:
    import open_clip

    ours = open_clip_architectures()
    assert set(ours) == set(open_clip.list_models())
    for name, tag in open_clip.list_pretrained():
        known = open_clip.get_pretrained_cfg(name, tag)
        assert ours[name].tags[tag].preprocessing.mean == tuple(known["mean"])
        assert ours[name].tags[tag].quick_gelu == known.get("quick_gelu", False)
        assert known["hf_hub"].startswith(ours[name].tags[tag].source.repository)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (("laion2b_e16", "openai", "dfn2b"), "openai"),
        (("laion2b_s32b_b79k", "metaclip_fullcc", "dfn5b"), "dfn5b"),
        (("laion2b_s12b_b42k", "laion2b_s34b_b88k"), "laion2b_s34b_b88k"),
        (("laion2b_s13b_b90k", "mscoco_finetuned_laion2b_s13b_b90k"), "laion2b_s13b_b90k"),
        (("laion2b_s34b_b82k_augreg", "laion2b_s34b_b82k_augreg_soup"), "laion2b_s34b_b82k_augreg_soup"),
        ((), None),
    ],
)
def test_a_bare_name_means_openai_or_the_strongest(tags: tuple[str, ...], expected: str | None) -> None:
    assert default_tag(tags) == expected


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("openai/clip-vit-large-patch14-336", "ViT-L-14-336:openai"),
        ("openai/clip-vit-base-patch32", "ViT-B-32:openai"),
        ("laion/CLIP-ViT-B-32-laion2B-s34B-b79K", "ViT-B-32:laion2b_s34b_b79k"),
        ("laion/CLIP-ViT-H-14-laion2B-s32B-b79K", "ViT-H-14:laion2b_s32b_b79k"),
        ("timm/vit_base_patch16_clip_224.openai", "ViT-B-16:openai"),
    ],
)
def test_hub_names_are_aliases(alias: str, name: str) -> None:
    assert aliases()[alias.lower()] == name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ViT-B-33", "ViT-B-32"),
        ("vit-l-14", "ViT-L-14"),
        ("efficientnet_lite", "efficientnet_lite0"),
        ("ViT-B-32:openia", "ViT-B-32:openai"),
        ("ViT-B-32:laion2b_s34b_b79", "ViT-B-32:laion2b_s34b_b79k"),
        ("openai/clip-vit-large-patch14-335", "openai/clip-vit-large-patch14-336"),
        ("timm/resnet51", "timm/resnet50"),
        ("timm/resnet50:a1_in2k", "timm/resnet50:a1_in1k"),
        ("resnet18", "timm/resnet18"),
        ("someone/some-model", "hf-hub:someone/some-model"),
        ("ViT-S-32", "ViT-S-32:/path"),
        ("efficientnet_lite0:other", "timm/tf_efficientnet_lite0:other"),
        ("hf-hub:nonsense", "ORGANISATION/NAME"),
    ],
)
def test_unknown_names_lead_to_known_ones(resolver: ModelResolver, name: str, expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolver.resolve(name)
    assert expected in str(caught.value)


def test_random_weights_only_by_name_and_told(resolver: ModelResolver) -> None:
    one, same, other = (
        resolver.resolve(name) for name in ("ViT-S-32:random", "ViT-S-32:random-0", "ViT-S-32:random-1")
    )
    assert one.fingerprint == same.fingerprint != other.fingerprint
    assert "random weights" in one.notes[0]


def test_bundled_model_is_here(resolver: ModelResolver) -> None:
    recipe = resolver.resolve("efficientnet_lite0")
    assert recipe.weights_file is not None
    assert recipe.weights_file.stat().st_size > 10_000_000
    assert recipe == resolver.resolve("efficientnet_lite0:imagenet")


def test_a_checkpoint_is_known_by_its_content(resolver: ModelResolver, checkpoint: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere" / checkpoint.name
    moved.parent.mkdir()
    shutil.copy(checkpoint, moved)
    keys = {
        resolver.resolve(f"ViT-S-32:{path}").config(224, Fit.RESIZE, Precision.FLOAT32).key
        for path in (checkpoint, moved)
    }
    assert len(keys) == 1
    before = resolver.resolve(f"ViT-S-32:{checkpoint}").fingerprint
    checkpoint.write_bytes(b"others")
    assert resolver.resolve(f"ViT-S-32:{checkpoint}").fingerprint != before


def test_what_a_checkpoint_is_fed_with_is_told(resolver: ModelResolver, checkpoint: Path) -> None:
    notes = " ".join(resolver.resolve(f"ViT-B-32:{checkpoint}").notes)
    assert "mean 0.4815" in notes
    assert f"ViT-B-32-quickgelu:{checkpoint}" in notes
    assert resolver.resolve(f"ViT-B-32-quickgelu:{checkpoint}").quick_gelu
    siglip = resolver.resolve(f"ViT-B-16-SigLIP:{checkpoint}")
    assert siglip.preprocessing.mean == (0.5, 0.5, 0.5)


def test_a_configuration_file_beside_a_checkpoint_wins(resolver: ModelResolver, checkpoint: Path) -> None:
    config = {"model_cfg": {}, "preprocess_cfg": {"mean": [0.1, 0.2, 0.3], "std": 0.5}}
    plain = resolver.resolve(f"ViT-S-32:{checkpoint}")
    (checkpoint.parent / "open_clip_config.json").write_text(json.dumps(config))
    stated = resolver.resolve(f"ViT-S-32:{checkpoint}")
    assert stated.preprocessing.mean == (0.1, 0.2, 0.3)
    assert stated.preprocessing.std == (0.5, 0.5, 0.5)
    assert stated.fingerprint != plain.fingerprint


def test_contradicting_activations_are_refused(resolver: ModelResolver, checkpoint: Path) -> None:
    named = checkpoint.with_name("vit_b_32-QuickGELU-laion400m.pt")
    named.write_bytes(b"weights")
    with pytest.raises(RunnerError, match="ViT-B-32-quickgelu:"):
        resolver.resolve(f"ViT-B-32:{named}")
    config = {"model_cfg": {"quick_gelu": True}}
    (checkpoint.parent / "open_clip_config.json").write_text(json.dumps(config))
    with pytest.raises(RunnerError, match="QuickGELU"):
        resolver.resolve(f"ViT-B-32:{checkpoint}")


def test_downloaded_openai_weights_get_quick_gelu(
    resolver: ModelResolver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """open_clip itself only warns when ``ViT-B-32`` meets weights that were trained with QuickGELU."""
    repository = tmp_path / "models--timm--vit_base_patch32_clip_224.openai"
    weights = repository / "snapshots" / "0123abc" / "open_clip_model.safetensors"
    for path, content in ((repository / "refs" / "main", b"0123abc"), (weights, b"weights")):
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    for name in ("ViT-B-32", "openai/clip-vit-base-patch32"):
        recipe = resolver.resolve(name)
        assert (recipe.model, recipe.weights, recipe.weights_file) == ("ViT-B-32", "openai", weights)
        assert recipe.quick_gelu
    assert resolver.resolve("ViT-B-32").notes == ("ViT-B-32 stands for ViT-B-32:openai",)
    (listed,) = known_models("ViT-B-32:openai", tmp_path)
    assert listed.location == "downloaded"


@pytest.mark.parametrize("name", ["ViT-B-32.pt", "open_clip_pytorch_model.bin"])
def test_programs_are_not_checkpoints(name: str, resolver: ModelResolver, tmp_path: Path) -> None:
    path = tmp_path / name
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ViT-B-32/constants.pkl", b"")
        archive.writestr("ViT-B-32/code/__torch__.py", b"")
    for given in (path, tmp_path):
        with pytest.raises(RunnerError, match="TorchScript"):
            resolver.resolve(f"ViT-B-32-quickgelu:{given}")


def test_an_archive_whose_names_are_damaged_is_left_to_the_reader(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ä/data.pkl", b"")
    path.write_bytes(path.read_bytes().replace("ä".encode(), b"\xe1\xe1"))  # zipfile raises UnicodeDecodeError
    assert find_weights(path) == path
    with pytest.raises(RunnerError, match=r"weights\.pt can't be read"):
        read_state_dict(path)


def test_tensors_without_a_name_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    torch.save({7: torch.ones(2), "visual.a": torch.ones(3)}, path)
    assert [*read_state_dict(path)] == ["visual.a"]


def test_checkpoints_that_say_too_little(resolver: ModelResolver, checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(RunnerError, match=f"ARCH:{checkpoint}"):
        resolver.resolve(str(checkpoint))
    with pytest.raises(RunnerError, match="does not exist"):
        resolver.resolve(f"ViT-B-32:{tmp_path / 'absent.pt'}")
    checkpoint.with_name("second.pt").write_bytes(b"")
    with pytest.raises(RunnerError, match=r"second\.pt, weights\.safetensors"):
        resolver.resolve(str(tmp_path))
    (tmp_path / "open_clip_config.json").write_text("{]")
    with pytest.raises(RunnerError, match="not valid JSON"):
        resolver.resolve(str(checkpoint))
    (tmp_path / "open_clip_config.json").write_text("{}")
    with pytest.raises(RunnerError, match="does not describe a model"):
        resolver.resolve(str(checkpoint))


def test_folders_here_do_not_hide_models(
    resolver: ModelResolver, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "efficientnet_lite0").mkdir()
    assert resolver.resolve("efficientnet_lite0").weights == "imagenet"
    shutil.copytree(tiny_model, tmp_path / "mine" / "tiny")
    relative = resolver.resolve("mine/tiny")
    assert relative.weights == str(tmp_path / "mine" / "tiny" / "open_clip_model.safetensors")
    assert relative.fingerprint == resolver.resolve(str(tiny_model)).fingerprint


def test_a_changed_checkpoint_is_noticed(resolver: ModelResolver, checkpoint: Path) -> None:
    recipe = resolver.resolve(f"ViT-S-32:{checkpoint}")
    config = recipe.config(224, Fit.RESIZE, Precision.FLOAT32)
    assert resolver.recipe_of(config) == recipe
    checkpoint.write_bytes(b"something else")
    with pytest.raises(RunnerError, match="are not those"):
        resolver.recipe_of(config)


def test_configs_are_every_combination_once(tiny_model: Path, shared_cache: Path) -> None:
    names = [str(tiny_model), str(tiny_model)]
    resolved = resolve_models(names, [32, 48], [Fit.RESIZE, Fit.LETTERBOX], cache_dir=shared_cache)
    assert [(c.resolution, c.fit) for c in resolved.configs] == [
        (32, Fit.RESIZE),
        (32, Fit.LETTERBOX),
        (48, Fit.RESIZE),
        (48, Fit.LETTERBOX),
    ]
    assert len({config.key for config in resolved.configs}) == 4
    assert resolve_models([str(tiny_model)], cache_dir=shared_cache).configs[0].resolution == 32


def test_listing_finds_by_any_part(shared_cache: Path) -> None:
    names = {model.name: model for model in known_models("LITE0", shared_cache)}
    assert names["efficientnet_lite0:imagenet"].location == "bundled"
    assert "timm/tf_efficientnet_lite0:in1k" in names
    assert all("lite0" in name for name in names)
    defaults = [model.name for model in known_models("ViT-B-32:", shared_cache) if model.is_default]
    assert "ViT-B-32:openai" in defaults


def test_resolving_takes_no_torch(tiny_model: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from runner.embed.resolve_models import resolve_models;"
        f"names = [{str(tiny_model)!r}, 'efficientnet_lite0', 'ViT-B-32:random'];"
        f"resolve_models(names, [224], cache_dir=Path({str(tmp_path)!r}));"
        "assert not {'torch', 'timm', 'open_clip'} & set(sys.modules), sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
