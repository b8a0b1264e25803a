"""How long work will take, by how long it took."""

from __future__ import annotations

from pathlib import Path

import pytest

from plugin.running.time_estimate import FILE, Model, Pace, keep_pace, known_paces, seconds_of_passes, seconds_of_trials

SMALL = Model(name="small:openai", resolution=224, device="auto")
LARGE = Model(name="large:openai", resolution=224, device="auto")


def pace(passes: dict[Model, int], embedding: float, images: int = 100, trials: int = 10, rest: float = 5.0) -> Pace:
    return Pace(
        passes=tuple(passes.items()), embedding_seconds=embedding, images=images, trials=trials, clustering_seconds=rest
    )


def test_what_is_kept_is_known_again_latest_first_and_damage_is_left_out(tmp_path: Path) -> None:
    assert known_paces(tmp_path) == []
    first, second = pace({SMALL: 10}, 1.0), pace({}, 0.0)
    keep_pace(tmp_path, first)
    with (tmp_path / FILE).open("a") as lines:
        lines.write('{"passes": [\n')
    keep_pace(tmp_path, second)
    assert known_paces(tmp_path) == [second, first]


def test_passes_by_the_run_that_had_only_this_model() -> None:
    paces = [pace({SMALL: 100, LARGE: 100}, 100.0), pace({SMALL: 100}, 10.0)]
    assert seconds_of_passes(paces, {SMALL: 1000}) == pytest.approx(100)
    assert seconds_of_passes(paces, {LARGE: 1000}) == pytest.approx(500)
    assert seconds_of_passes(paces, {SMALL: 1000, LARGE: 1000}) == pytest.approx(600)
    assert seconds_of_passes(paces, {}) == 0


def test_another_resolution_by_its_pixels_another_model_or_device_not_at_all() -> None:
    paces = [pace({SMALL: 100}, 10.0)]
    assert seconds_of_passes(paces, {SMALL.model_copy(update={"resolution": 448}): 100}) == pytest.approx(40)
    assert seconds_of_passes(paces, {LARGE: 1}) is None
    assert seconds_of_passes(paces, {SMALL.model_copy(update={"device": "cuda"}): 1}) is None


def test_trials_by_the_run_of_the_most_similar_size() -> None:
    paces = [pace({}, 0, images=100, trials=10, rest=5), pace({}, 0, images=1000, trials=10, rest=20)]
    assert seconds_of_trials(paces, 20, 120) == pytest.approx(12)
    assert seconds_of_trials(paces, 20, 2000) == pytest.approx(80)
    assert seconds_of_trials(paces, 20, 11_000) is None
    assert seconds_of_trials([pace({}, 0, trials=0)], 20, 100) is None
