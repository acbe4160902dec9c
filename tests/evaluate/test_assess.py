"""One call finds what is worth knowing, for every kind of output, with little or with everything to go on."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from homefield.evaluate.assess import assess
from homefield.evaluate.assessment import Assessment, standing
from homefield.evaluate.baselines import tfidf_linear
from homefield.evaluate.risk import risk_threshold
from homefield.evaluate.scored import Scored, TrainingRows
from homefield.evaluate.significance import Difference

from .conftest import LABELS, World


@pytest.fixture(scope="module")
def found(world: World) -> Assessment:
    return assess(
        world.test,
        output="category",
        labels=LABELS,
        validation=world.validation,
        calibration=world.calibration,
        training=world.training,
        baseline=world.baseline,
        risk=0.2,
    )


def test_the_headline_lies_in_its_interval_and_beside_its_rivals(found: Assessment) -> None:
    assert found.metric == "accuracy"
    assert found.interval[0] < found.headline < found.interval[1]
    assert found.majority is not None
    assert found.baseline is not None
    assert found.majority.numbers["accuracy"] < found.headline
    assert found.difference is not None
    assert found.difference.mean == pytest.approx(found.headline - found.baseline.numbers["accuracy"])
    assert found.baseline_rows == 240
    assert found.verdict == standing(found.difference)


def test_the_classes_that_are_taken_for_each_other_are_named_first(found: Assessment) -> None:
    assert {found.pairs[0].first, found.pairs[0].second} == {"refund", "return"}
    assert found.pairs[0].forward > found.pairs[0].backward
    advice = {one.key for one in found.mend}
    assert "report.mend_pair_one_way" in advice
    assert [one.rows for one in found.mend if one.rows] == sorted(
        (one.rows for one in found.mend if one.rows), reverse=True
    )


def test_every_row_is_in_the_confusion_and_every_class_in_the_list(found: Assessment) -> None:
    assert sum(rows for _, _, rows in found.confusion) == found.rows == 400
    assert [one.label for one in found.classes] == list(LABELS)
    assert sum(one.training or 0 for one in found.classes) == 240


def test_the_surest_mistakes_come_first_with_training_rows_near_them(found: Assessment) -> None:
    assert found.mistakes
    sure = [one.confidence for one in found.mistakes]
    assert sure == sorted(sure, reverse=True)
    for one in found.mistakes:
        assert one.true != one.predicted
        assert one.place.startswith("test.csv:")
        assert len(one.nearest) == 3
        assert one.nearest[0].similarity >= one.nearest[-1].similarity


def test_the_threshold_comes_from_calibration_and_is_tried_on_test(found: Assessment, world: World) -> None:
    assert found.risk is not None
    assert found.tested is not None
    assert found.risk.rows == len(world.calibration)
    assert found.risk.bound <= 0.2
    assert found.tested.rows == round(found.tested.share * 400)
    assert found.tested.error_rate == pytest.approx(found.tested.errors / found.tested.rows)


def test_slices_split_by_language_and_length(found: Assessment) -> None:
    kinds = {one.kind for one in found.slices}
    assert kinds == {"language", "length"}
    languages = {one.name: one.rows for one in found.slices if one.kind == "language"}
    assert sum(languages.values()) == 400
    assert sum(one.rows for one in found.slices if one.kind == "length") == 400


def test_everything_is_json(found: Assessment) -> None:
    values = json.loads(json.dumps(found.as_json(), allow_nan=False))
    assert values["headline"] == pytest.approx(found.headline)
    assert values["verdict"] == found.verdict


def test_it_needs_nothing_but_the_rows(world: World) -> None:
    bare = replace(world.test, vectors=None, languages=None, places=None)
    found = assess(bare, output="category", labels=LABELS)
    assert found.verdict is None
    assert found.baseline is found.majority is found.risk is found.tested is None
    assert found.temperature == 1.0
    assert found.mistakes[0].nearest == ()


def test_without_vectors_the_nearest_rows_are_found_by_their_text(world: World) -> None:
    bare = replace(world.test, vectors=None)
    found = assess(
        bare, output="category", labels=LABELS, training=TrainingRows(world.training.texts, world.training.targets)
    )
    words = set(found.mistakes[0].text.split()[:2])
    assert words & set(found.mistakes[0].nearest[0].text.split())


def test_a_label_that_the_model_does_not_know_is_shown_as_written(world: World) -> None:
    targets = world.test.targets.copy()
    targets[0] = -1
    written = [LABELS[one] if one >= 0 else "brand new" for one in targets]
    logits = world.test.logits.copy()
    logits[0] = [30, 0, 0]
    found = assess(
        replace(world.test, targets=targets, written=written, logits=logits), output="category", labels=LABELS
    )
    assert found.mistakes[0].true == "brand new"
    assert "report.mend_unknown_labels" in {one.key for one in found.mend}


def test_a_shipped_promise_is_tried_as_it_is(world: World) -> None:
    promise = risk_threshold(np.linspace(0, 1, 300), np.ones(300, dtype=np.bool_), risk=0.05)
    found = assess(world.test, output="category", labels=LABELS, promise=promise, temperature=2.0)
    assert found.risk is promise
    assert found.temperature == 2.0


def test_sets_of_labels_are_assessed_with_tuned_thresholds() -> None:
    random = np.random.default_rng(1)

    def part(count: int) -> Scored:
        truth = (random.random((count, 3)) < 0.4).astype(np.float32)
        texts = [
            " ".join(name for name, on in zip(("alpha", "beta", "gamma"), row, strict=True) if on) for row in truth
        ]
        logits = 4 * truth - 2 + random.normal(0, 1, truth.shape) - 1.5
        return Scored(logits.astype(np.float32), truth, texts)

    training = part(200)
    found = assess(
        part(300),
        output="categories",
        labels=("a", "b", "c"),
        validation=part(300),
        calibration=part(300),
        training=TrainingRows(training.texts, training.targets),
        baseline=tfidf_linear(training.texts, training.targets, "categories", 3),
        risk=0.3,
    )
    assert found.metric == "f1_micro"
    assert len(found.thresholds) == 3
    assert max(found.thresholds) < 0.5
    assert found.pairs == ()
    assert found.risk is not None
    assert found.difference is not None
    assert found.difference.test == "bootstrap"
    assert json.dumps(found.as_json(), allow_nan=False)


def test_numbers_are_assessed_with_an_interval() -> None:
    random = np.random.default_rng(2)

    def part(count: int) -> Scored:
        truth = random.normal(10, 3, count)
        return Scored((truth + random.normal(0, 1, count))[:, None], truth, [f"text {one:.0f}" for one in truth])

    found = assess(part(300), output="number", validation=part(50), calibration=part(300))
    assert found.metric == "r2"
    assert found.half_width == pytest.approx(1.64, abs=0.25)
    assert found.tested is not None
    assert found.tested.error_rate == pytest.approx(0.1, abs=0.05)
    assert found.risk is None
    assert len(found.dots) == 300
    assert abs(float(found.mistakes[0].true) - float(found.mistakes[0].predicted)) > 2


def test_no_rows_at_all_are_no_error() -> None:
    found = assess(
        Scored(np.empty((0, 2), dtype=np.float32), np.empty(0, dtype=np.int64), []),
        output="category",
        labels=("a", "b"),
    )
    assert math.isnan(found.headline)
    assert json.dumps(found.as_json(), allow_nan=False)


def test_arrays_of_different_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="same rows"):
        Scored(np.zeros((3, 2)), np.zeros(2), ["a", "b", "c"])


@pytest.mark.parametrize(
    ("low", "high", "said"), [(0.01, 0.02, "better"), (-0.01, 0.02, "unproven"), (-0.02, -0.01, "worse")]
)
def test_an_interval_decides(low: float, high: float, said: str) -> None:
    assert standing(Difference(0.0, low, high, 0.5, "mcnemar")) == said
