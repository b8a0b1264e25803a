"""Pairs kept with a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import runner.integrations.fiftyone.pair_store as pair_store
from runner.errors import RunnerError, UsageError
from runner.images.constraints import read_pairs
from runner.images.source import SourceWishes
from runner.integrations.fiftyone.dataset_source import open_dataset
from runner.integrations.fiftyone.pair_store import (
    PairsAdded,
    add_pairs,
    read_sample_pairs,
    remove_pairs,
    write_pairs_file,
)

if TYPE_CHECKING:
    from fiftyone import Dataset


def test_add_list_remove(dataset: Dataset) -> None:
    a, b, c, d = dataset.values("id")[:4]
    dataset.info["imagesweep"] = {"other": 1}
    dataset.info["mine"] = 2
    dataset.save()
    assert add_pairs(dataset, "must_link", [b, a, c]) == PairsAdded(added=3, moved=0, known=0)
    assert add_pairs(dataset, "cannot_link", [a, d]) == PairsAdded(added=1, moved=0, known=0)
    assert add_pairs(dataset, "cannot_link", [c, a, d]) == PairsAdded(added=1, moved=1, known=1)
    pairs = read_sample_pairs(dataset)
    assert set(pairs.must_link) == {(a, b), (b, c)}
    assert set(pairs.cannot_link) == {(a, d), (a, c), (c, d)}
    assert dataset.info["mine"] == 2 and dataset.info["imagesweep"]["other"] == 1
    assert remove_pairs(dataset, [a, c]) == 1
    assert remove_pairs(dataset, [d]) == 2
    assert set(read_sample_pairs(dataset).must_link) == {(a, b), (b, c)}
    assert remove_pairs(dataset) == 2 and len(read_sample_pairs(dataset)) == 0


def test_the_file_is_one_that_pairs_takes(dataset: Dataset, tmp_path: Path) -> None:
    ids = dataset.values("id")
    add_pairs(dataset, "must_link", ids[:2])
    add_pairs(dataset, "cannot_link", ids[3:5])
    add_pairs(dataset, "cannot_link", ids[5:7])
    dataset.delete_samples([ids[6]])
    assert len(write_pairs_file(dataset, tmp_path / "pairs.yaml")) == 2
    pairs = read_pairs(tmp_path / "pairs.yaml", open_dataset(dataset.name, SourceWishes()).images)
    assert pairs.must_link.tolist() == [[0, 1]] and pairs.cannot_link.tolist() == [[3, 4]] and not pairs.unmatched


def test_nothing_to_write_is_a_valid_file(dataset: Dataset, tmp_path: Path) -> None:
    write_pairs_file(dataset, tmp_path / "pairs.yaml")
    pairs = read_pairs(tmp_path / "pairs.yaml", open_dataset(dataset.name, SourceWishes()).images)
    assert len(pairs.must_link) == len(pairs.cannot_link) == 0


def test_bad_selections(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = dataset.values("id")
    with pytest.raises(UsageError, match="two different samples, not 1"):
        add_pairs(dataset, "must_link", [ids[0], ids[0]])
    for stranger in ("0" * 24, "patch"):
        with pytest.raises(RunnerError, match=f"'{stranger}' is no sample of the dataset"):
            add_pairs(dataset, "must_link", [ids[0], stranger])
    monkeypatch.setattr(pair_store, "MOST_BYTES", 10_000)
    with pytest.raises(RunnerError, match=r"276 pairs take 0\.0 MB"):
        add_pairs(dataset, "must_link", ids)
    assert len(read_sample_pairs(dataset)) == 0
