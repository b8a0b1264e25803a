"""How good is the clustering that is ranked first? Selection regret on labelled data.

    python tests/benchmarks/selection_regret.py [data set …] [--mode fast|balanced|comprehensive] [--workers N]

Sweeps a preset over several embeddings of labelled data sets, good and bad ones, and ranks the trials of each
combination of embeddings by the default ranking and by other scores. The regret of a ranking is
1 - AMI(its first) / AMI(best of the sweep): 0 is the best pick. Reference labels never enter a ranking.

Data sets: ``stamps`` (clip art and photographs of the package tuxpaint-stamps, labelled by folder, as
EfficientNet-Lite0 sees them, and as pixels and an untrained network see them), ``demo`` (the images of
``runner demo``), ``digits`` (pixels, blurred and noisy ones), and three synthetic ones: ``blobs`` of very different
sizes, ``many`` (300 uneven clusters), ``background`` (half of the images belong to no cluster).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from runner.cluster.grids import parse_grids
from runner.cluster.trial import TrialStatus
from runner.config.experiment import Mode
from runner.config.file import load_preset
from runner.embed.cache.embedding_cache import EmbeddingCache
from runner.embed.embedding_config import Embedding, Fit, Precision
from runner.embed.pipeline import embed_images
from runner.embed.resolve_models import resolve_models
from runner.engine.journal import Journal
from runner.engine.local import WorkerPool
from runner.engine.sweep import SweepSettings, run_sweep
from runner.images.decode import decode_image
from runner.images.demo_images import write_demo_images
from runner.images.folder import scan_folder
from runner.images.image_set import ImageSet
from runner.score.neighbor_information import neighbor_information, neighborhood
from runner.score.ranking import Candidate, rank_trials
from runner.score.scores import Scores
from runner.utils.stage_clock import StageClock

STAMPS = Path("/usr/share/tuxpaint/stamps")
SEED = 42
Truth = tuple[str | None, ...]


@dataclass(frozen=True)
class LabelledData:
    """Embeddings of the same images (float32 matrices by name), their labels, and which embeddings compete."""

    truth: Truth
    vectors: Mapping[str, np.ndarray]
    contests: Sequence[tuple[str, ...]]


def stamps(cache: Path) -> LabelledData:
    images = scan_folder(STAMPS, labels=True).images
    vectors = {
        **_embedded(images, "efficientnet_lite0", (160, 224), (Fit.LETTERBOX, Fit.CENTER_CROP), cache),
        **_embedded(images, "efficientnet_lite0", (64,), (Fit.LETTERBOX,), cache),
        **_embedded(images, "timm/tf_efficientnet_lite0:random", (160,), (Fit.LETTERBOX,), cache),
        "pixels": _pixels(images),
    }
    good = ("160-letterbox", "160-center_crop", "224-letterbox", "224-center_crop")
    bad = ("random-160-letterbox", "pixels")
    lone = "224-letterbox"
    contests = [
        *((key,) for key in good),
        good,
        *((lone, key) for key in bad),
        (lone, *bad),
        (lone, "64-letterbox", *bad),
    ]
    return LabelledData(images.labels or (), vectors, [*contests, (*good, *bad)])


def demo(cache: Path) -> LabelledData:
    write_demo_images(cache / "demo")
    images = scan_folder(cache / "demo", labels=True).images
    vectors = {
        **_embedded(images, "efficientnet_lite0", (160, 224), (Fit.LETTERBOX,), cache),
        "pixels": _pixels(images),
    }
    return LabelledData(images.labels or (), vectors, [*((key,) for key in vectors), tuple(vectors)])


def digits(cache: Path) -> LabelledData:
    from sklearn.datasets import load_digits

    pixels, truth = load_digits(return_X_y=True)
    blurred = pixels.reshape(-1, 2, 4, 2, 4).mean(axis=(2, 4)).reshape(-1, 4)
    noisy = pixels + np.random.default_rng(SEED).normal(0, 8, pixels.shape)
    vectors = {"pixels": pixels, "blurred": blurred - 8, "noisy": noisy}
    contests = [("pixels",), ("noisy",), ("pixels", "blurred"), ("pixels", "noisy", "blurred")]
    return LabelledData(tuple(map(str, truth)), vectors, contests)


def blobs(cache: Path) -> LabelledData:
    return _gaussian([20, 30, 50, 80, 120, 150, 200, 300, 400, 650], dimension=16, spread=1.4, noise=1.7)


def many(cache: Path) -> LabelledData:
    sizes = np.maximum(3, 200 / np.arange(1, 301) ** 0.75).astype(int)
    return _gaussian(sizes, dimension=128, spread=0.75, noise=1.5)


def background(cache: Path) -> LabelledData:
    clusters = _gaussian([50] * 20, dimension=32, spread=0.5, noise=0.7)
    random = np.random.default_rng(SEED)
    vectors = {key: np.vstack([part, random.normal(0, 1.1, part.shape)]) for key, part in clusters.vectors.items()}
    return LabelledData((*clusters.truth, *[None] * 1000), vectors, clusters.contests)


DATA: dict[str, Callable[[Path], LabelledData]] = {
    "stamps": stamps,
    "demo": demo,
    "digits": digits,
    "blobs": blobs,
    "many": many,
    "background": background,
}


def _embedded(
    images: ImageSet, model: str, resolutions: Sequence[int], fits: Sequence[Fit], cache: Path
) -> dict[str, np.ndarray]:
    configs = resolve_models((model,), resolutions, fits, Precision.FLOAT32, cache).configs
    run = embed_images(images, configs, cache=EmbeddingCache(cache), out_dir=cache / "matrices", device="cpu")
    assert run.images == images, "an image could not be read"
    prefix = "random-" if model.endswith(":random") else ""
    return {
        f"{prefix}{config.resolution}-{config.fit}": np.load(embedding.vectors_path)
        for config, embedding in zip(configs, run.embeddings, strict=True)
    }


def _pixels(images: ImageSet, side: int = 16) -> np.ndarray:
    return np.stack([np.asarray(decode_image(path).resize((side, side)), np.float32).ravel() for path in images.paths])


def _gaussian(sizes: Sequence[int] | np.ndarray, *, dimension: int, spread: float, noise: float) -> LabelledData:
    """Clusters of given sizes and varied widths; a noisier copy; and a copy squeezed into three dimensions."""
    random = np.random.default_rng(SEED)
    truth = np.repeat(np.arange(len(sizes)), sizes)
    widths = spread * np.exp(random.normal(0, 0.35, len(sizes)))
    good = random.normal(size=(len(sizes), dimension))[truth]
    good = good + random.normal(size=good.shape) * widths[truth, None]
    noisy = good + random.normal(0, noise, good.shape)
    squeezed = good @ random.normal(size=(dimension, 3))
    contests = [("good",), ("noisy",), ("good", "noisy"), ("good", "noisy", "squeezed")]
    return LabelledData(tuple(map(str, truth)), {"good": good, "noisy": noisy, "squeezed": squeezed}, contests)


@dataclass(frozen=True)
class SweptData:
    """All trials of a data set, and the neighbour graph of each of its embeddings."""

    candidates: list[Candidate]
    graphs: dict[str, np.ndarray]
    journal: Journal


def sweep(data: LabelledData, folder: Path, mode: Mode, workers: int) -> SweptData:
    """Run the preset over every embedding."""
    settings = SweepSettings(
        grids=parse_grids(load_preset(mode)),
        seed=SEED,
        device="cpu",
        max_trials=None,
        journal=folder / "journal",
        truth=data.truth,
    )
    candidates, graphs = [], {}
    with WorkerPool(workers, timeout=600) as pool:
        for key, vectors in data.vectors.items():
            unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
            path = folder / f"{key}.npy"
            np.save(path, unit.astype(np.float32))
            embedding = Embedding(key, None, path, unit.shape[1])
            result = run_sweep(embedding, folder / key, settings, pool, StageClock())
            graphs[key] = np.load(result.geometry / "neighbor_indices.npy")
            candidates += [
                Candidate(record.id, key, record.scores)
                for record in result.records
                if record.status is TrialStatus.DONE and record.scores is not None
            ]
    return SweptData(candidates, graphs, Journal(settings.journal))


def _score_of(name: str, sign: int = 1) -> Callable[[Scores], float]:
    def score(scores: Scores) -> float:
        value = getattr(scores, name)
        return -np.inf if value is None else sign * value

    return score


ALTERNATIVES: dict[str, Callable[[Scores], float]] = {
    "own graph": _score_of("neighbor_information"),
    "agreement": _score_of("neighbor_agreement"),
    "silhouette": _score_of("silhouette"),
    "Calinski-H.": _score_of("calinski_harabasz"),
    "Davies-B.": _score_of("davies_bouldin", -1),
    "composite": _score_of("composite"),
    "least noise": _score_of("noise_share", -1),
}
"""Rankings that ask nothing of the other embeddings."""


def picks(swept: SweptData, contest: Sequence[str]) -> tuple[dict[str, Candidate], float]:
    """What each ranking puts first among the trials of some embeddings, and the best AMI among them."""
    trials = [candidate for candidate in swept.candidates if candidate.embedding in contest]
    by_id = {trial.id: trial for trial in trials}
    graphs = {key: swept.graphs[key] for key in contest}
    chosen = {"default": by_id[rank_trials(trials, swept.journal.labels, graphs).ids[0]]}

    def on_other_graphs(trial: Candidate) -> float:
        others = [key for key in contest if key != trial.embedding] or list(contest)
        labels = swept.journal.labels(trial.id)
        return float(np.mean([neighbor_information(labels, neighborhood(graphs[key])) for key in others]))

    chosen["other graphs"] = max(trials, key=on_other_graphs)
    for name, score in ALTERNATIVES.items():
        chosen[name] = max(trials, key=lambda trial: score(trial.scores))
    return chosen, max(trial.scores.ami or 0.0 for trial in trials)


def main() -> None:
    """Print a line per data set and contest."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", nargs="*", choices=[*DATA, []], help="data sets (default: all)")
    parser.add_argument("--mode", type=Mode, default=Mode.BALANCED, choices=list(Mode))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--cache", type=Path, help="folder that keeps embeddings for the next time (default: none is kept)"
    )
    arguments = parser.parse_args()
    names = ["default", "other graphs", *ALTERNATIVES]
    regrets: dict[str, list[float]] = {name: [] for name in names}
    print(f"{'data: embeddings':58}{'best AMI':>9}" + "".join(f"{name:>13}" for name in names))
    for name in arguments.data or DATA:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            data = DATA[name](arguments.cache or folder / "cache")
            swept = sweep(data, folder, arguments.mode, arguments.workers)
            for contest in data.contests:
                chosen, best = picks(swept, contest)
                row = {ranking: 1 - (pick.scores.ami or 0.0) / best for ranking, pick in chosen.items()}
                title = f"{name}: {' + '.join(contest)}"
                print(f"{title[:57]:58}{best:9.3f}" + "".join(f"{row[ranking]:13.3f}" for ranking in names), flush=True)
                for ranking in names:
                    regrets[ranking].append(row[ranking])
    for what, summary in (("mean", np.mean), ("worst", np.max)):
        print(f"{what:67}" + "".join(f"{summary(regrets[ranking]):13.3f}" for ranking in names))


if __name__ == "__main__":
    main()
