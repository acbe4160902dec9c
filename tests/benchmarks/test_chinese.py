from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def chinese() -> ModuleType:
    import importlib

    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)
        return importlib.import_module("chinese")


def line(said: list[int], truth: list[int]) -> dict[str, object]:
    return {"ids": list(range(len(said))), "labels": ["a", "b"], "said": said, "truth": truth}


@given(rows=st.lists(st.tuples(st.integers(0, 30), st.sampled_from("ab")), min_size=10), seed=st.integers(0, 5))
def test_a_fifth_of_the_texts_is_held_out_and_no_text_stands_on_both_sides(
    chinese: ModuleType, tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, str]], seed: int
) -> None:
    from quality import Set

    frame = pl.DataFrame({"text": [f"t{text}" for text, _ in rows], "label": [label for _, label in rows]})
    folder = tmp_path_factory.mktemp("cut")
    train, test = (pl.read_csv(f) for f in chinese.cut(frame, Set("x.csv", None, "text", "label"), seed, folder))
    held = set(test["text"])
    assert not held & set(train["text"])
    assert train.height + test.height == frame.height
    assert abs(len(held) - frame["text"].n_unique() / 5) < 1


def test_the_numbers_are_those_of_the_definitions(chinese: ModuleType) -> None:
    from sklearn.metrics import f1_score

    said, truth = [0, 0, 1, 1, 1], [0, 1, 1, 1, 0]
    found = chinese.measured("finfe", [line(said, truth)])
    assert found["accuracy"] == pytest.approx(0.6)
    assert found["f1_macro"] == pytest.approx(f1_score(truth, said, average="macro"))
    several = {"ids": [0, 1], "labels": ["a", "b"], "said": [[0], [0, 1]], "truth": [[0, 1], [1]]}
    assert chinese.measured("finnl", [several]) == {"f1_micro": pytest.approx(2 * 2 / 6)}
    assert chinese.measured("atec", [{"ids": [1, 2], "said": [1, 7]}]) == {"hit_1": 0.5}


def test_a_difference_pairs_what_was_said_of_a_text_on_every_seed(chinese: ModuleType) -> None:
    truth = [0, 1] * 50
    ours, rival = line(truth, truth), line([0] * 100, truth)
    found = chinese.difference("thucnews", "accuracy", [ours, ours], [rival, rival])
    assert found.mean == pytest.approx(0.5)
    assert found.low > 0.35
    same = chinese.difference("thucnews", "accuracy", [ours], [ours])
    assert (same.mean, same.low, same.high) == (0, 0, 0)


def test_random_weights_have_the_shape_and_the_phrases_but_nothing_that_was_learned(chinese: ModuleType) -> None:
    from homefield.backbones.encoder import Encoder, Shape
    from homefield.backbones.facts import Facts
    from homefield.backbones.phrases import phrase_tables
    from homefield.backbones.tokenizer import train_tokenizer

    slots, checks = phrase_tables([np.array([[5, 6]]), np.zeros((0, 3), int), np.zeros((0, 4), int)])
    shape = Shape(vocabulary=50, width=8, layers=1, heads=2, inner=16, positions=16, norm="pre", grams=2, gram=4)
    learned = Encoder(Facts("x", 1, 8, 16), train_tokenizer(["ab"]), shape)
    with torch.no_grad():
        for parameter in learned.parameters():
            parameter.fill_(3.0)
    assert learned.phrases is not None
    learned.phrases.initialise(slots, checks)
    fresh = chinese.random_weights(learned)
    assert fresh.shape == shape
    assert fresh.phrases.slots.equal(slots)
    assert fresh.final_norm.weight.eq(1).all()
    assert fresh.words.weight.std() < 0.1
    again = chinese.random_weights(learned)
    assert all(a.equal(b) for a, b in zip(fresh.state_dict().values(), again.state_dict().values(), strict=True))
