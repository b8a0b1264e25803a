"""All operators and panels; each must be named in ``fiftyone.yml`` as well, or FiftyOne leaves it out."""

from __future__ import annotations

from .operators.cancel_experiment import CancelExperiment
from .operators.delete_experiment import DeleteExperiment
from .operators.export_clusters import ExportClusters
from .operators.find_duplicates import FindDuplicates
from .operators.find_similar import FindSimilar
from .operators.follow_experiments import FollowExperiments
from .operators.link_samples import BelongTogether, ForgetPairs, KeepApart
from .operators.name_clusters import NameClusters
from .operators.open_mlflow import OpenMlflow
from .operators.open_panel import OpenPanel
from .operators.rank_again import RankAgain
from .operators.run_experiment import RunExperiment
from .operators.take_threshold import TakeThreshold
from .operators.write_labels import WriteLabels
from .panel.clustering_experiments import ClusteringExperiments

OPERATORS = (
    RunExperiment,
    CancelExperiment,
    WriteLabels,
    FindDuplicates,
    FindSimilar,
    BelongTogether,
    KeepApart,
    ForgetPairs,
    RankAgain,
    NameClusters,
    ExportClusters,
    DeleteExperiment,
    OpenMlflow,
    OpenPanel,
    FollowExperiments,
    TakeThreshold,
)
PANELS = (ClusteringExperiments,)
