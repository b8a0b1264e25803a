"""The measures by name; a new one is a module and a line here."""

from __future__ import annotations

from runner.similarity.hashes import Ahash, Dhash, Phash, Whash
from runner.similarity.measure import Measure
from runner.similarity.minhash import CornerMinHash
from runner.similarity.orb import Orb
from runner.similarity.ssim import Ssim
from runner.similarity.template import Template

MEASURES: dict[str, Measure] = {
    measure.name: measure
    for measure in (Phash(), Ahash(), Dhash(), Whash(), CornerMinHash(), Orb(), Ssim(), Template())
}
