"""A run of pairs becomes a model: the same vectors, the texts it finds, and what a cosine means."""

from __future__ import annotations

import numpy as np
import pytest

from homefield.data.dataset import SPLITS
from homefield.errors import Refused
from homefield.evaluate.pairs import pair_rows
from homefield.messages import Language
from homefield.ship.material import read_material
from homefield.ship.ranking import FEW, STAY, check_ranking, ranked_material
from homefield.train.run import read_network

from .models import Made
from .runs import forward


def test_what_is_served_is_what_was_trained(matching: Made, partners: Made) -> None:
    for made in (matching, partners):
        texts = made.dataset.frame("test")["text"].to_list()
        trained, _ = forward(made.run.network(), texts)
        served = made.predictor(precision="fp32").outputs(texts).logits
        np.testing.assert_allclose(served, trained, atol=1e-4)
        quick = made.predictor().outputs(texts).logits
        assert float(np.einsum("nd,nd->n", quick, trained).min()) > 0.98
        again, _ = forward(read_network(made.bundle.path / "weights"), texts)
        np.testing.assert_allclose(again, trained, atol=1e-5)


def test_the_model_says_how_good_it_is_and_how_it_was_proven(matching: Made) -> None:
    manifest = matching.bundle.manifest
    assert manifest.output == "vector"
    assert manifest.task == "match"
    assert manifest.parity["int8"]["cosine"] > 0.98
    assert manifest.parity["fp32"] < 1e-3
    test = manifest.metrics["test"]
    assert test["headline"] in ("mrr", "auc")
    assert test["candidates"] == 300
    assert test["interval"][0] <= test[test["headline"]] <= test["interval"][1]
    assert manifest.match["labelled"]
    assert manifest.match["slope"] > 0
    card = (matching.bundle.path / "card.md").read_text(encoding="utf-8")
    assert "texts of the same matter lie close" in card
    assert "使同一回事的文本彼此靠近" in card


def test_every_other_of_the_dataset_can_be_found(partners: Made) -> None:
    rows = partners.bundle.evidence_rows()
    stored = set(rows["text"].to_list())
    there = {text for split in SPLITS for text in partners.dataset.frame(split)["other"].to_list()}
    assert stored == there
    assert set(rows["source"].to_list()) == {"records.csv"}
    assert partners.bundle.manifest.parts["int8"].frozen is not None


def test_the_budget_is_bought_on_calibration(matching: Made, partners: Made) -> None:
    risk = matching.bundle.manifest.thresholds.risk
    assert risk is not None
    assert risk["risk"] == 0.3
    assert matching.bundle.manifest.match["pair_risk"]["rows"] == matching.dataset.rows("calibration")
    assert partners.bundle.manifest.thresholds.risk is None


def ranked(count: int = 200) -> tuple[np.ndarray, list[str], list[str]]:
    made = np.random.default_rng(0).normal(size=(count, 16)).astype(np.float32)
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    return made, [f"t{n}" for n in range(count)], [f"o{n}" for n in range(count)]


def test_vectors_that_rank_worse_are_refused_with_both_numbers(language: Language) -> None:
    made, texts, others = ranked()
    pairs = pair_rows(texts, others, None)
    right = np.repeat(made, 2, axis=0)
    wrong = right.copy()
    wrong[1::2] = np.roll(right[1::2], 1, axis=0)
    assert check_ranking(right, right, pairs)["drop"] == 0.0
    with pytest.raises(Refused) as caught:
        check_ranking(right, wrong, pairs)
    assert caught.value.code == "ship.parity_ranking"
    said = f"{caught.value.what(language)} {caught.value.next_step(language)}"
    assert "1.0000" in said
    assert "200" in said


def moved(vectors: np.ndarray, size: float) -> np.ndarray:
    found = vectors + size * np.random.default_rng(1).normal(size=vectors.shape).astype(np.float32)
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), dtype=np.float32)


def test_of_few_texts_the_neighbours_have_to_stay(language: Language) -> None:
    """What a handful of texts ranks first says nothing of the vectors around them."""
    made, texts, others = ranked(340)
    pairs, further = pair_rows(texts[:40], others[:40], None), others[40:]
    whole = np.concatenate([np.repeat(made[:40], 2, axis=0), made[40:]])
    found = check_ranking(whole, moved(whole, 0.01), pairs, further)
    assert found["neighbours"] >= STAY
    with pytest.raises(Refused) as caught:
        check_ranking(whole, moved(whole, 0.05), pairs, further)
    assert caught.value.code == "ship.parity_neighbours"
    assert f"{STAY:.0%}" in caught.value.what(language)
    # Of many texts their ranks decide.
    many = np.repeat(made[:FEW], 2, axis=0)
    found = check_ranking(many, moved(many, 0.05), pair_rows(texts[:FEW], others[:FEW], None))
    assert found["drop"] == 0.0
    assert found["neighbours"] < STAY


def test_what_is_found_stands_among_the_others_of_every_split(matching: Made) -> None:
    material = read_material(matching.run)
    pairs, further = ranked_material(material)
    asked = [material.pairs(split) for split in ("validation", "train")]
    kept = [material.pairs(split) for split in ("calibration", "test")]
    assert len(pairs) == sum(len(each) for each in asked)
    assert set(pairs.strings[: len(asked[0].strings)]) == set(asked[0].strings)
    assert {text for each in kept for text in each.others} <= {*further, *pairs.others}
    assert not set(pairs.others) & set(further)
    assert matching.bundle.manifest.parity["int8"]["rows"] > matching.dataset.rows("validation") / 2
    assert 0 < matching.bundle.manifest.parity["int8"]["neighbours"] <= 1


def test_one_text_of_few_refuses_nothing() -> None:
    made, texts, others = ranked(40)
    pairs = pair_rows(texts, others, None)
    right = np.repeat(made, 2, axis=0)
    other = right.copy()
    other[1] = right[3]
    assert check_ranking(right, other, pairs)["drop"] > 0
