"""EVoC (Embedding Vector Oriented Clustering): each of its layers is a trial."""

from collections.abc import Iterable, Sequence

import numpy as np

from runner.cluster.algorithms.base import Algorithm, Parameter, Params, Scale
from runner.cluster.geometry import Geometry
from runner.cluster.graph.cuts import relabel_by_size
from runner.cluster.trial import Clustering
from runner.errors import RunnerError, UsageError

ALL_LAYERS = -1


class Evoc(Algorithm):
    """Layers of ``evoc.EVoC``, 0 the finest; ``layer`` -1 stands for each of them."""

    name = "evoc"
    uses_graph = False
    depends_on_processor = True
    slow_to_prepare = True
    parameters = (
        Parameter("base_min_cluster_size", int, default=5, minimum=2, scale=Scale.CLUSTER_SIZE),
        Parameter("layer", int, default=ALL_LAYERS, minimum=-1),
    )

    def check_space(self, space: str) -> None:
        if space != "none":
            raise UsageError(f"evoc builds a space of its own; use it in none, not in {space!r}")

    def preparation(self, params: Params) -> str:
        return f"evoc base_min_cluster_size={params['base_min_cluster_size']}"

    def prepare(self, geometry: Geometry, settings: Sequence[Params], seed: int) -> None:
        self._layers(geometry, settings[0], seed)

    def expand(self, geometry: Geometry, params: Params) -> Iterable[Params]:
        if params["layer"] != ALL_LAYERS:
            return (params,)
        count = len(geometry.load_prepared(_name(params)))
        return ({**params, "layer": layer} for layer in range(count))

    def cluster(self, geometry: Geometry, params: Params, seed: int) -> Clustering:
        layers = self._layers(geometry, params, seed)
        layer = int(params["layer"])
        if layer >= len(layers):
            raise RunnerError(f"evoc: layer={layer} does not exist here; it found {len(layers)} layers, from 0")
        return Clustering(relabel_by_size(layers[layer]))

    def _layers(self, geometry: Geometry, params: Params, seed: int) -> np.ndarray:
        def compute() -> np.ndarray:
            from runner.cluster.evoc_layers import evoc_layers

            size = int(params["base_min_cluster_size"])
            return np.stack(evoc_layers(geometry.vectors, random_state=seed, base_min_cluster_size=size))

        return geometry.prepared(_name(params), compute)


def _name(params: Params) -> str:
    return f"evoc-{params['base_min_cluster_size']}"
