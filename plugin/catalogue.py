"""All operators and panels; each must be named in ``fiftyone.yml`` as well, or FiftyOne leaves it out."""

from __future__ import annotations

from .operators.run_experiment import RunExperiment

OPERATORS = (RunExperiment,)
PANELS = ()
