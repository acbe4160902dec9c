from __future__ import annotations

import pytest

from homefield.errors import CallError
from homefield.serve import Prediction, Predictor, Together

from ..ship.models import Made


def close(one: Prediction, other: Prediction) -> bool:
    return (one.label, one.decision, one.reason, one.model) == (
        other.label, other.decision, other.reason, other.model,
    ) and one.confidence == pytest.approx(other.confidence, abs=1e-5)  # fmt: skip


def test_models_on_one_frozen_part_share_a_pass_and_answer_as_alone(
    cut: Made, twin: Made, sets: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = Together({"a": cut.bundle, "b": twin.bundle, "c": sets.bundle}, threads=1)
    assert together.groups == [["a", "b"], ["c"]]
    texts = ["my card was stolen", "", "退款 please", "loan papers " * 40, "login"]
    expected = {"a": cut, "b": twin, "c": sets}
    passes = []
    network = together.predictors["a"].network
    reach = network.reach
    monkeypatch.setattr(network, "reach", lambda ids, mask: passes.append(len(ids)) or reach(ids, mask))
    found = together.predict(texts)
    assert sum(passes) == len(texts)
    assert list(found) == ["a", "b", "c"]
    for name, made in expected.items():
        alone = made.predictor().predict(texts)
        assert all(close(one, other) for one, other in zip(found[name], alone, strict=True))


def test_on_several_cores_models_answer_as_alone_on_as_many(cut: Made, twin: Made) -> None:
    texts = [*cut.dataset.frame("test")["text"].to_list(), "", "loan papers " * 40]
    found = Together({"a": cut.bundle, "b": twin.bundle}, threads=3).predict(texts)
    for name, made in (("a", cut), ("b", twin)):
        alone = Predictor(made.bundle, threads=3).predict(texts)
        assert all(close(one, other) for one, other in zip(found[name], alone, strict=True))


def test_nothing_and_nonsense(cut: Made, twin: Made) -> None:
    together = Together({"a": cut.bundle, "b": twin.bundle}, threads=1)
    assert together.predict([]) == {"a": [], "b": []}
    with pytest.raises(CallError, match="got one string"):
        together.predict("text")
