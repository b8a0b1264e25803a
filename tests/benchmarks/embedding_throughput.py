"""How much of a model's own speed is left in the pipeline: images/s from files into the cache, over images/s of the
bare model on tensors that are ready in memory.

    python tests/benchmarks/embedding_throughput.py [FOLDER] [--models ViT-B-32 ViT-L-14] [--resolutions 224 336]

Weights are random (speed does not depend on them), so nothing is downloaded. The two take turns batch by batch: a
machine drifts more within a minute than they differ. The pipeline's time has everything in it but hashing the files and
loading the model, which do not grow with the number of images; its first pass, which the libraries need to settle, too.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import open_clip
import torch

from runner.embed.cache.embedding_cache import EmbeddingCache
from runner.embed.embedding_config import EmbeddingConfig, Fit
from runner.embed.image_reader import DECODED_FOR
from runner.embed.pipeline import embed_images
from runner.embed.preprocess import View, normalize, to_batch
from runner.embed.resolve_models import resolve_models
from runner.images.content_hash import hash_file
from runner.images.decode import decode_image
from runner.images.image_set import ImageSet

STAMPS = Path("/usr/share/tuxpaint/stamps")
SUFFIXES = {".png", ".jpg", ".jpeg", ".webp"}

GFLOPS = {"ViT-B-32": 4.4, "ViT-L-14": 81.0}
"""Multiply-adds of one image at 224 px; a heavier model gets fewer images, so that the whole takes minutes."""


def main() -> None:
    """Measure every model at every resolution and print the ratios."""
    options = _options()
    found = sorted(path for path in options.folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    paths = list({hash_file(path): path for path in found}.values())  # the same file twice is embedded once
    if not paths:
        raise SystemExit(f"there are no images in {options.folder}")
    print(f"{torch.get_num_threads()} threads, images from {options.folder}")
    with tempfile.TemporaryDirectory() as folder:
        for model in options.models:
            checkpoint = Path(folder) / f"{model}.pt"
            network = open_clip.create_model(model).eval()
            torch.save(network.state_dict(), checkpoint)
            for resolution in options.resolutions:
                n = max(16 * options.batch_size, int(options.images * GFLOPS["ViT-B-32"] / GFLOPS.get(model, 17.5)))
                _compare(model, checkpoint, resolution, _spread(paths, n), options, Path(folder))
            checkpoint.unlink()


def _compare(
    model: str, checkpoint: Path, resolution: int, paths: list[Path], options: argparse.Namespace, folder: Path
) -> None:
    (config,) = resolve_models([f"{model}:{checkpoint}"], [resolution], [Fit.LETTERBOX], cache_dir=folder).configs
    bare = _Bare(model, checkpoint, config, paths, options.batch_size)
    cache_dir = folder / f"{model}-{resolution}"
    run = embed_images(
        ImageSet(tuple(map(str, paths)), tuple(paths)),
        [config],
        cache=EmbeddingCache(cache_dir),
        out_dir=cache_dir / "out",
        device="cpu",
        batch_size=options.batch_size,
        decode_workers=options.workers,
        progress=lambda done, total: bare.pass_over(done),
    )
    assert run.passes == bare.passes == len(paths)
    alone, piped = bare.passes / bare.seconds, run.images_per_second or 0.0
    print(
        f"{model:10} {resolution:4} px  {len(paths):4} images  "
        f"bare {alone:7.2f} images/s  pipeline {piped:7.2f} images/s  ratio {piped / alone:.3f}",
        flush=True,
    )


class _Bare:
    """The model alone, on tensors in its favourite memory layout.

    Attributes:
        passes: images that went through it.
        seconds: how long that took.
    """

    def __init__(
        self, model: str, checkpoint: Path, config: EmbeddingConfig, paths: list[Path], batch_size: int
    ) -> None:
        network = open_clip.create_model(model, pretrained=str(checkpoint), force_image_size=config.resolution)
        self._network = network.visual.eval().to(memory_format=torch.channels_last)
        view = View(config.resolution, config.fit)
        pixels = to_batch([view.of(decode_image(path, at_least=DECODED_FOR)) for path in paths])
        batch = normalize(pixels, open_clip.OPENAI_DATASET_MEAN, open_clip.OPENAI_DATASET_STD)
        self._batches = list(batch.split(batch_size))
        self.passes, self.seconds = 0, 0.0
        with torch.inference_mode():
            self._network(self._batches[0])

    def pass_over(self, done: int) -> None:
        """The next batches, until as many images as the pipeline has ``done`` went through."""
        while self.passes < done:
            batch = self._batches.pop(0)
            with torch.inference_mode():
                start = time.perf_counter()
                self._network(batch)
                self.seconds += time.perf_counter() - start
            self.passes += len(batch)


def _spread(paths: list[Path], n: int) -> list[Path]:
    return [paths[i * len(paths) // n] for i in range(min(n, len(paths)))]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("folder", type=Path, nargs="?", default=STAMPS, help="folder of images, searched recursively")
    parser.add_argument("--models", nargs="+", default=["ViT-B-32", "ViT-L-14"], help="open_clip architectures")
    parser.add_argument("--resolutions", nargs="+", type=int, default=[224, 336])
    parser.add_argument("--images", type=int, default=300, help="for ViT-B-32; heavier models get fewer")
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--workers", type=int, default=None, help="threads that decode (default: one per core)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
