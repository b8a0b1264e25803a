"""What every clustering algorithm of the sweep provides."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import ClassVar

from runner.cluster.geometry import Geometry
from runner.cluster.trial import Clustering, ParameterValue
from runner.errors import UsageError
from runner.utils.text_files import LARGEST_INTEGER, shown

Params = Mapping[str, ParameterValue]


class Scale(Enum):
    """What a parameter measures, hence how a preset derives its values from the data."""

    CLUSTER_COUNT = auto()
    """A number of clusters, at most n."""
    CLUSTER_SIZE = auto()
    """A number of rows in a cluster, at most n."""
    DISTANCE = auto()
    """A distance in the space's metric."""
    SIMILARITY = auto()
    """A cosine similarity, or that of a measure on images."""
    PLAIN = auto()
    """Nothing of the data's."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of an algorithm, named as its reference library names it.

    Attributes:
        name: e.g. ``n_clusters``.
        kind: int, float or str.
        default: value when a grid leaves it out; None if it must be given.
        minimum, maximum: inclusive bounds of numbers.
        choices: allowed strings.
        scale: what it measures.
    """

    name: str
    kind: type[int] | type[float] | type[str]
    default: ParameterValue | None = None
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    scale: Scale = Scale.PLAIN

    def check(self, algorithm: str, value: object, n: int | None = None) -> ParameterValue:
        """``value`` in the parameter's type.

        Args:
            algorithm: for the message.
            value: what a grid gives.
            n: number of images, once it is known.

        Raises:
            UsageError: naming the parameter, the value and what is allowed.
        """
        where = f"{algorithm}: {self.name}={shown(repr(value))}"
        if self.kind is str:
            if not isinstance(value, str) or value not in self.choices:
                raise UsageError(f"{where} is unknown; use one of {', '.join(self.choices)}")
            return str(value)
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LARGEST_INTEGER:
            raise UsageError(f"{where} must be a number")
        if self.kind is int and value != int(value):
            raise UsageError(f"{where} must be a whole number")
        if (self.minimum is not None and value < self.minimum) or (self.maximum is not None and value > self.maximum):
            raise UsageError(f"{where} is out of range; it must be {self._range()}")
        if n is not None and self.scale in (Scale.CLUSTER_COUNT, Scale.CLUSTER_SIZE) and value > n:
            raise UsageError(f"{where} is more than the {n} images; use at most {n}")
        return self.kind(value)

    def _range(self) -> str:
        if self.maximum is None:
            return f"at least {self.minimum:g}"
        if self.minimum is None:
            return f"at most {self.maximum:g}"
        return f"between {self.minimum:g} and {self.maximum:g}"


class Algorithm(ABC):
    """A clustering algorithm on a shared geometry.

    ``prepare`` does once what all settings share and leaves it in the geometry's folder;
    ``cluster`` is then cheap and may run in another process.
    """

    name: str
    parameters: ClassVar[tuple[Parameter, ...]]
    uses_graph: ClassVar[bool] = True
    """Whether it needs the neighbour graph and the tree of its space, or the vectors alone."""
    depends_on_processor: ClassVar[bool] = False
    """Whether another kind of processor may give other labels, which those of all others do not."""
    uses_images: ClassVar[bool] = False
    """Whether it looks at the image files instead, so that all embeddings of an experiment would give the same."""
    slow_to_prepare: ClassVar[bool] = False
    """Whether its preparations begin before others', so that none is left for one process at the end."""
    is_nested: ClassVar[bool] = False
    """Whether the settings of one preparation are cuts of one dendrogram, without noise, so that they can be scored
    together."""

    def parameter(self, name: str) -> Parameter:
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        known = ", ".join(parameter.name for parameter in self.parameters)
        raise UsageError(f"{self.name} has no parameter {name!r}; it has {known}")

    def check_space(self, space: str) -> None:  # noqa: B027 - any space will do unless an algorithm says otherwise
        """Raise UsageError where the algorithm makes no sense in that space."""

    def neighbors_needed(self, params: Params) -> int:
        """How many neighbours per row this setting needs."""
        return 0

    def preparation(self, params: Params) -> str | None:
        """Name of the preparation that this setting shares with others; None if it needs none."""
        return None

    def prepare(self, geometry: Geometry, settings: Sequence[Params], seed: int) -> None:  # noqa: B027 - as above
        """Compute what all these settings, which name the same preparation, share."""

    def expand(self, geometry: Geometry, params: Params) -> Iterable[Params]:
        """The settings that one entry of a grid stands for, once it is prepared."""
        return (params,)

    @abstractmethod
    def cluster(self, geometry: Geometry, params: Params, seed: int) -> Clustering:
        """One clustering; raises RunnerError where there is none."""
