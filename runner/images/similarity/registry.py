"""The measures by name; a new one is a module and a line here."""

from __future__ import annotations

from runner.images.similarity.base import Measure
from runner.images.similarity.hashes import Ahash, Dhash, Phash, Whash
from runner.images.similarity.minhash import CornerMinHash
from runner.images.similarity.orb import Orb
from runner.images.similarity.ssim import Ssim
from runner.images.similarity.template import Template

MEASURES: dict[str, Measure] = {
    measure.name: measure
    for measure in (Phash(), Ahash(), Dhash(), Whash(), CornerMinHash(), Orb(), Ssim(), Template())
}
