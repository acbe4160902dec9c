from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homefield.errors import CallError
from homefield.messages import Language
from homefield.serve import Predictor, Sessions
from homefield.serve.predictor import CHUNK

from ..ship.models import Made

ODD = [
    "", "   ", "\x00\x07", "\U0001f600\U0001f389", "\U0001f469\u200d\U0001f467", "a" * 1_000_000, "<p></p>", "\ud800",
    "退款" * 60_000, "\u202ecard", "\ufb01 card",
]  # fmt: skip


def test_a_prediction_says_everything(cut: Made) -> None:
    row = cut.dataset.frame("train").row(0, named=True)
    found = cut.predictor().predict([row["text"]])[0]
    assert found.label == row["label"]
    assert found.labels == (row["label"],)
    assert found.decision in ("answer", "abstain")
    assert len(found.evidence) == 3
    assert found.evidence[0].similarity == pytest.approx(1.0, abs=0.02)
    assert found.evidence[0].source == "records.csv"
    others = [one.label for one in found.runners_up]
    assert len(others) == 3
    assert set(others) | {found.label} == set(cut.bundle.manifest.labels)
    total = found.confidence + sum(one.confidence for one in found.runners_up)
    assert total == pytest.approx(1.0)
    assert found.unknown is not None
    assert 0 <= found.unknown <= 1
    assert found.model == cut.bundle.manifest.title


def test_json_is_json(cut: Made, sets: Made, number: Made) -> None:
    for made in (cut, sets, number):
        for one in made.predictor().predict(["my card", "", "退款 loan"]):
            assert json.loads(json.dumps(one.as_json(), allow_nan=False)) == one.as_json()


def test_sets_of_labels(sets: Made) -> None:
    thresholds = dict(zip(sets.bundle.manifest.labels, sets.bundle.manifest.thresholds.labels, strict=True))
    for one in sets.predictor().predict(sets.dataset.frame("test")["text"].to_list(), top=4):
        assert all(each.confidence >= thresholds[each.label] for each in one.answers)
        assert all(each.confidence < thresholds[each.label] for each in one.runners_up)
        assert len(one.answers) + len(one.runners_up) == 4
        said = [each.confidence for each in one.answers] + [1 - each.confidence for each in one.runners_up]
        assert one.confidence == pytest.approx(float(np.prod(said)))


def test_numbers_come_with_an_interval(number: Made) -> None:
    frame = number.dataset.frame("test")
    found = number.predictor().predict(frame["text"].to_list())
    half = number.bundle.manifest.interval["half_width"]
    inside = 0
    for one, real in zip(found, frame["label"], strict=True):
        assert one.label is None
        assert one.value is not None
        assert one.interval == pytest.approx((one.value - half, one.value + half))
        inside += abs(one.value - real) <= half
    assert inside / len(found) > 0.75


@pytest.mark.parametrize("text", ODD)
def test_odd_texts_are_answered_or_abstained_from(text: str, cut: Made, language: Language) -> None:
    predictor = cut.predictor()
    alone, beside = predictor.predict([text])[0], predictor.predict(["my card was stolen", text])[1]
    assert alone.decision == beside.decision
    assert alone.reason == beside.reason
    if alone.decision == "abstain":
        assert alone.why(language)
    if alone.reason == "empty":
        assert alone.label is None
        assert alone.evidence == ()


def test_what_cannot_be_answered_says_why(cut: Made, sets: Made, number: Made) -> None:
    for made in (cut, sets, number):
        found = made.predictor().predict(["", "a " * 100_000])
        assert [one.reason for one in found] == ["empty", "too_long"]
        assert [one.decision for one in found] == ["abstain", "abstain"]
        assert found[0].value is None


def test_a_text_unlike_all_others_is_unknown(cut: Made) -> None:
    found = cut.predictor().predict(["zxq jv wkq 麤龘爨 qqq", "my card was stolen please"])
    assert found[0].reason == "unknown"
    assert found[1].reason != "unknown"


def test_evidence_can_be_left_out(cut: Made) -> None:
    assert cut.predictor().predict(["my card"], evidence=0, top=1)[0].evidence == ()
    assert len(cut.predictor().predict(["my card"], evidence=7)[0].evidence) == 7


def test_nothing_asked_nothing_answered(cut: Made, number: Made) -> None:
    assert cut.predictor().predict([]) == []
    assert number.predictor().predict([]) == []


def test_order_is_kept_whatever_the_lengths(cut: Made) -> None:
    texts = cut.dataset.frame("test")["text"].to_list()
    mixed = [text * (1 + place % 4) for place, text in enumerate(texts)]
    predictor = cut.predictor(precision="fp32")
    together = predictor.outputs(mixed).logits
    alone = np.concatenate([predictor.outputs([text]).logits for text in mixed])
    np.testing.assert_allclose(together, alone, atol=1e-4)


def test_a_stream_is_the_same_as_a_list(cut: Made) -> None:
    texts = cut.dataset.frame("train")["text"].to_list() * 5
    assert len(texts) > CHUNK
    # In fp32: what flows through an int8 network is quantised by batch, so that company changes the third digit.
    predictor = cut.predictor(precision="fp32")
    seen = list(predictor.stream(iter(texts), evidence=1))
    assert [one.label for one in seen] == [one.label for one in predictor.predict(texts)]


def test_a_stream_holds_a_chunk_and_no_more(cut: Made) -> None:
    taken = 0

    def endless() -> object:
        nonlocal taken
        while True:
            taken += 1
            yield "my card"

    stream = cut.predictor().stream(endless(), evidence=0)  # type: ignore[arg-type]
    next(stream)
    assert taken == CHUNK


def test_calls_that_are_wrong(cut: Made, language: Language) -> None:
    predictor = cut.predictor()
    with pytest.raises(CallError) as one:
        predictor.predict("my card")
    with pytest.raises(CallError) as none:
        predictor.predict(["my card", None])  # type: ignore[list-item]
    assert one.value.code == "serve.one_text"
    assert "NoneType" in none.value.what(language)
    assert "2" in none.value.what(language)


def test_several_threads_get_what_one_gets(cut: Made) -> None:
    texts = cut.dataset.frame("test")["text"].to_list()
    predictor = cut.predictor()
    expected = [predictor.predict([text])[0] for text in texts]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda text: predictor.predict([text])[0], texts))
    assert found == expected


def test_several_cores_give_what_one_gives(cut: Made) -> None:
    texts = [*cut.dataset.frame("test")["text"].to_list(), "", "loan papers " * 40]
    one, several = (Predictor(cut.bundle, precision="fp32", threads=threads).outputs(texts) for threads in (1, 3))
    np.testing.assert_allclose(several.logits, one.logits, rtol=0, atol=1e-4)
    np.testing.assert_allclose(several.vectors, one.vectors, rtol=0, atol=1e-4)
    assert several.faults == one.faults


def test_models_on_one_frozen_part_hold_it_once(cut: Made, twin: Made) -> None:
    sessions = Sessions()
    first, second = cut.predictor(sessions=sessions), twin.predictor(sessions=sessions)
    assert first.network.frozen == second.network.frozen is not None
    assert first.network._shared is second.network._shared
    batch = first.reader.batches(first.reader.read(["my card"]).ids, tokens=100)[0]
    hidden = first.network.reach(batch.ids, batch.mask)
    for made, predictor in ((cut, first), (twin, second)):
        np.testing.assert_array_equal(
            predictor.network.finish(hidden, batch.mask)[0], made.predictor().outputs(["my card"]).logits
        )


def test_where_other_work_shares_the_processors_no_pass_takes_several(cut: Made) -> None:
    for spin in (False, True):
        network = Predictor(cut.bundle, threads=2, sessions=Sessions(spin=spin)).network
        assert (network._head._wide is network._head._narrow) == (not spin)


def test_a_budget_that_nothing_keeps_answers_nothing(cut: Made) -> None:
    thresholds = replace(cut.bundle.manifest.thresholds, risk={"risk": 1e-9, "threshold": None})
    bundle = replace(cut.bundle, manifest=replace(cut.bundle.manifest, thresholds=thresholds))
    found = Predictor(bundle, threads=1).predict(["my card was stolen"])[0]
    assert found.decision == "abstain"
    assert found.reason == "unsure"
    assert found.label == "card"


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(st.text(max_size=60), max_size=5))
def test_any_text_gets_a_prediction(texts: list[str], cut: Made) -> None:
    found = _kept(cut).predict(texts, evidence=1)
    assert len(found) == len(texts)
    assert all(0 <= one.confidence <= 1 for one in found)


_predictors: dict[Path, Predictor] = {}


def _kept(made: Made) -> Predictor:
    if made.bundle.path not in _predictors:
        _predictors[made.bundle.path] = made.predictor()
    return _predictors[made.bundle.path]


def test_answering_never_imports_torch(cut: Made) -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from homefield.bundle import open_bundle, resolve_model\n"
        "from homefield.serve import Predictor\n"
        "from homefield.serve.files import predict_file\n"
        "predictor = Predictor(open_bundle(Path(sys.argv[1])))\n"
        "assert predictor.predict(['my card was stolen'])[0].label == 'card'\n"
        "loaded = {name.partition('.')[0] for name in sys.modules}\n"
        "print(sorted(loaded & {'torch', 'transformers', 'peft', 'sklearn'}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(cut.bundle.path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
