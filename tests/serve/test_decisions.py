"""What is decided while serving is what the evaluation says of the same outputs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from homefield.bundle import Thresholds
from homefield.evaluate.answers import answer
from homefield.evaluate.calibration import probabilities
from homefield.serve.decisions import Decider, _largest
from homefield.serve.products import Products
from homefield.serve.unknown import UnknownScore
from homefield.ship.decisions import Truth, fit_strange, unknown_arrays
from homefield.tasks import task

from ..bundle.conftest import manifest
from ..ship.models import Made

LOGITS = arrays(np.float32, (4, 3), elements=st.floats(-60, 60, width=32))
LABELS = ("a", "b", "c")


@given(logits=LOGITS, temperature=st.floats(0.05, 20))
def test_one_category(logits: np.ndarray, temperature: float) -> None:
    decider = Decider(manifest(labels=LABELS, temperature=temperature))
    judged = decider.judge(logits, None)
    expected = probabilities(logits, "category", temperature)
    np.testing.assert_allclose(judged.probabilities, expected, atol=1e-6)
    answers = answer(judged.probabilities, "category")
    np.testing.assert_array_equal(judged.confidence, answers.confidence)
    found = decider.decide(judged, {}, None, top=2)
    assert [LABELS.index(str(one.label)) for one in found] == answers.predicted.tolist()


@given(logits=LOGITS, temperature=st.floats(0.05, 20), thresholds=st.tuples(*[st.floats(0.05, 0.95)] * 3))
def test_several_categories(logits: np.ndarray, temperature: float, thresholds: tuple[float, ...]) -> None:
    said = Thresholds(thresholds)
    decider = Decider(manifest(labels=LABELS, output="categories", temperature=temperature, thresholds=said))
    judged = decider.judge(logits, None)
    np.testing.assert_allclose(judged.probabilities, probabilities(logits, "categories", temperature), atol=1e-6)
    answers = answer(judged.probabilities, "categories", np.array(thresholds))
    np.testing.assert_array_equal(judged.said, answers.predicted)
    np.testing.assert_allclose(judged.confidence, answers.confidence, atol=1e-12)


def test_from_the_threshold_on_it_answers() -> None:
    decider = Decider(manifest(labels=LABELS, thresholds=Thresholds(risk={"threshold": 0.9}, unknown=0.99)))
    logits = np.log(np.array([[0.91, 0.05, 0.04], [0.89, 0.06, 0.05], [0.95, 0.03, 0.02]], dtype=np.float32))
    judged = decider.judge(logits, np.array([0.5, 0.5, 0.99]))
    found = decider.decide(judged, {}, None, top=1)
    assert [(one.decision, one.reason) for one in found] == [
        ("answer", None),
        ("abstain", "unsure"),
        ("abstain", "unknown"),
    ]
    assert decider.automatic(judged).tolist() == [True, False, False]


@given(values=arrays(np.float64, st.integers(1, 700), elements=st.floats(0, 1)), count=st.integers(1, 10))
def test_the_largest_are_the_largest(values: np.ndarray, count: int) -> None:
    expected = np.argsort(-values, kind="stable")[:count]
    np.testing.assert_array_equal(values[_largest(values, count)], values[expected])


@pytest.mark.parametrize("name", ["cut", "sets", "number"])
def test_the_unknown_score_is_that_of_the_evaluation(name: str, request: pytest.FixtureRequest) -> None:
    made: Made = request.getfixturevalue(name)
    output = made.bundle.manifest.output
    texts = [*made.dataset.frame("test")["text"].to_list(), "zxq 麤龘 jv", ""]
    outputs = made.predictor().outputs(texts)
    truth = {}
    for split in ("train", "validation"):
        frame = made.dataset.frame(split)
        targets = task(made.bundle.manifest.task).targets(frame["label"], made.bundle.manifest.labels)
        truth[split] = Truth(made.predictor().outputs(frame["text"].to_list()), targets)
    manifest = made.bundle.manifest
    model = fit_strange(manifest, truth["train"].outputs.vectors, truth["train"].targets, truth["validation"])
    assert model is not None
    kept = unknown_arrays(model)
    found = UnknownScore(kept, output, Products())(outputs.vectors, outputs.logits)
    # A sum that lies on a quantile may fall to either side of it in 32 bits.
    expected = model.score(outputs.vectors, outputs.logits)
    np.testing.assert_allclose(found, expected, atol=1.5 / len(kept["reference"]))
    np.testing.assert_allclose(kept["reference"], made.bundle.unknown()["reference"], rtol=1e-5)
