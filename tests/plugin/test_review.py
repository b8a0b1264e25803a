"""What is done with a finished experiment: labels, pairs, ranking again, deletion; with good and bad parameters."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runner.integrations.fiftyone.cluster_fields import write_cluster_fields
from runner.integrations.fiftyone.experiment_runs import delete_experiment, experiment_runs, register_experiment
from runner.integrations.fiftyone.field_record import cluster_fields
from runner.integrations.fiftyone.pair_store import read_sample_pairs
from runner.results.files import read_labels, read_paths, read_summary
from tests.plugin.conftest import Execute, form_of

if TYPE_CHECKING:
    from fiftyone import Dataset


@pytest.fixture
def reviewed(study: Dataset, tmp_path: Path) -> Iterator[Dataset]:
    """A copy of the study, results and all, that a test may change."""
    former = next(run for run in experiment_runs(study) if run.key == "study_sweep")
    out = tmp_path / "reviewed"
    shutil.copytree(former.out, out)
    copy = study.clone("reviewed photos", persistent=True)
    delete_experiment(copy, "study_sweep")
    summary = read_summary(out)
    register_experiment(copy, out, summary, write_cluster_fields(copy, out, summary.ranking[:1]))
    yield copy
    copy.delete()


def test_any_trial_of_the_ranking_can_be_written(execute: Execute, study: Dataset) -> None:
    run = experiment_runs(study)[0]
    last = read_summary(run.out).ranking[-1]
    execute("write_labels", study, {"experiment": "study_sweep", "trials": [last], "prefix": "picked"})
    study.reload()
    field = next(name for name, record in cluster_fields(study).items() if record.trial == last)
    assert field.startswith("picked_")
    written = dict(zip(*study.values(["id", f"{field}.cluster_id"]), strict=True))
    assert written == dict(zip(read_paths(run.out), read_labels(run.out, last).tolist(), strict=True))
    assert field in next(one for one in experiment_runs(study) if one.key == "study_sweep").fields


def test_views_of_disagreement_go_with_their_field(execute: Execute, reviewed: Dataset) -> None:
    ranking = read_summary(experiment_runs(reviewed)[0].out).ranking
    execute("write_labels", reviewed, {"experiment": "study_sweep", "trials": ranking[:2]})
    reviewed.reload()
    found = [name for name in reviewed.list_saved_views() if name.startswith("disagreement")]
    assert len(found) == 1
    execute("delete_experiment", reviewed, {"experiment": "study_sweep", "confirmed": True})
    reviewed.reload()
    assert reviewed.list_saved_views() == []


def test_the_form_of_labels_shows_the_ranking(plugin: None, study: Dataset) -> None:
    form = form_of("write_labels", study, {})
    assert [row["rank"] for row in form["ranking"]["default"]] == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"experiment": "other"}, "no finished experiment other"),
        ({"experiment": "study_sweep", "trials": ["kmeans-none"]}, "Invalid enum value"),
        ({"experiment": "study_sweep", "trials": []}, "at least one trial"),
        ({"experiment": "study_sweep", "prefix": "two__lines"}, "can't begin a field name"),
    ],
)
def test_labels_that_cannot_be_written(execute: Execute, study: Dataset, params: dict[str, Any], told: str) -> None:
    before = set(study.get_field_schema())
    trials = {"trials": read_summary(experiment_runs(study)[0].out).ranking[:1]}
    with pytest.raises(Exception, match=told):
        execute("write_labels", study, {**trials, **params})
    study.reload()
    assert set(study.get_field_schema()) == before


def test_pairs_rank_a_finished_experiment_again(execute: Execute, reviewed: Dataset) -> None:
    run = experiment_runs(reviewed)[0]
    before = read_summary(run.out)
    labels = {trial: read_labels(run.out, trial) for trial in before.ranking}
    first, last = before.ranking[0], before.ranking[-1]
    ids = read_paths(run.out)
    rows = range(len(ids))
    apart = next(  # two samples that the best trial puts together and the worst does not
        (a, b)
        for a in rows
        for b in rows
        if a < b and labels[first][a] == labels[first][b] and labels[last][a] != labels[last][b]
    )
    chosen = [ids[row] for row in apart]
    assert execute("keep_apart", reviewed, selected=chosen).result == {"added": 1, "moved": 0, "known": 0, "pairs": 1}
    execute("rank_again", reviewed, {"experiment": "study_sweep", "pair_weight": 1.0})
    after = read_summary(run.out)
    assert after.trial(first).scores.cannot_link_share == 0.0  # type: ignore[union-attr]
    assert after.trial(last).scores.cannot_link_share == 1.0  # type: ignore[union-attr]
    assert after.ranking[0] != first
    finished = {trial.id: trial.finished_at for trial in before.trials}
    assert {trial.id: trial.finished_at for trial in after.trials} == finished  # none ran twice
    told = execute("belong_together", reviewed, selected=chosen)
    assert told.result["moved"] == 1 and len(read_sample_pairs(reviewed).must_link) == 1


def test_pairs_can_be_taken_back(execute: Execute, study: Dataset) -> None:
    a, b, c, d = study.values("id")[:4]
    with pytest.raises(Exception, match="no pairs to forget"):
        execute("forget_pairs", study)
    execute("belong_together", study, selected=[a, b, c])
    execute("keep_apart", study, selected=[a, d])
    assert execute("forget_pairs", study, selected=[a, b]).result == {"forgotten": 1, "pairs": 3}
    assert execute("forget_pairs", study, selected=[d]).result == {"forgotten": 1, "pairs": 2}
    assert execute("forget_pairs", study).result == {"forgotten": 2, "pairs": 0}


def test_pairs_need_two_samples(execute: Execute, study: Dataset) -> None:
    with pytest.raises(Exception, match="Tick two samples or more"):
        execute("belong_together", study, selected=study.values("id")[:1])
    with pytest.raises(Exception, match="Tick two samples or more"):
        execute("keep_apart", study)
    assert len(read_sample_pairs(study)) == 0


def test_deletion_shows_what_goes_and_leaves_the_rest(execute: Execute, reviewed: Dataset) -> None:
    reviewed.save_view("mine", reviewed.limit(3))
    run = experiment_runs(reviewed)[0]
    form = form_of("delete_experiment", reviewed, {"experiment": "study_sweep"})
    assert run.fields[0] in form["plan"]["default"]
    with pytest.raises(Exception, match="Tick the box"):
        execute("delete_experiment", reviewed, {"experiment": "study_sweep"})
    with pytest.raises(Exception, match="no experiment 'other'"):
        execute("delete_experiment", reviewed, {"experiment": "other", "confirmed": True})
    execute("delete_experiment", reviewed, {"experiment": "study_sweep", "confirmed": True})
    reviewed.reload()
    assert reviewed.list_runs() == []
    assert reviewed.list_saved_views() == ["mine"]
    assert not cluster_fields(reviewed)
    assert (run.out / "summary.json").is_file()


def test_names_of_the_model_leave_those_of_a_person_alone(execute: Execute, reviewed: Dataset) -> None:
    field = experiment_runs(reviewed)[0].fields[0]
    execute("name_clusters", reviewed, {"field": field, "source": "hand", "cluster": "0", "name": "my favourites"})
    execute("name_clusters", reviewed, {"field": field})
    reviewed.reload()
    names = cluster_fields(reviewed)[field].names
    assert names["0"].name == "my favourites" and names["0"].by_person
    labels = dict(zip(*reviewed.values([f"{field}.cluster_id", f"{field}.label"]), strict=True))
    assert {labels[int(cluster)] for cluster in names} == {name.name for name in names.values()}


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"field": "kind"}, "kind is no cluster field"),
        ({"source": "words", "words": "cat\ndog"}, "ImageNet's classes only"),
        ({"source": "hand", "cluster": "999", "name": "x"}, "Invalid enum value"),
        ({"source": "hand", "cluster": "0"}, "Required property"),
    ],
)
def test_names_that_cannot_be_given(execute: Execute, study: Dataset, params: dict[str, Any], told: str) -> None:
    with pytest.raises(Exception, match=told):
        execute("name_clusters", study, params)


def test_nothing_to_review_yet(execute: Execute, dataset: Dataset) -> None:
    for operator in ("write_labels", "rank_again"):
        with pytest.raises(Exception, match="no finished experiment"):
            execute(operator, dataset)
    with pytest.raises(Exception, match="has no experiment"):
        execute("delete_experiment", dataset)
    with pytest.raises(Exception, match=r"No experiment of .* is running"):
        execute("cancel_experiment", dataset)
