"""Every metric equals scikit-learn's on the same rows, and says nothing where it has no meaning."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn import metrics as reference

from homefield.evaluate.answers import answer
from homefield.evaluate.calibration import probabilities
from homefield.evaluate.metrics import HEADLINE, auroc, classify, confusion_counts, measure, multilabel, regress


def scored(seed: int, rows: int, classes: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    random = np.random.default_rng(seed)
    targets = random.integers(0, classes, rows)
    logits = random.normal(0, 1, (rows, classes)) + 1.5 * np.eye(classes)[targets]
    return probabilities(logits, "category"), targets


@given(st.integers(0, 10_000), st.integers(2, 60), st.integers(2, 6))
def test_one_category_equals_the_reference(seed: int, rows: int, classes: int) -> None:
    chances, targets = scored(seed, rows, classes)
    found = classify(chances, targets, [str(one) for one in range(classes)])
    exact = chances.astype(np.float64) / chances.astype(np.float64).sum(axis=1, keepdims=True)
    said = chances.argmax(axis=1)
    assert found["accuracy"] == pytest.approx(reference.accuracy_score(targets, said))
    assert found["f1_micro"] == pytest.approx(found["accuracy"])
    for average in ("macro", "weighted"):
        expected = reference.precision_recall_fscore_support(targets, said, average=average, zero_division=0)
        for name, value in zip(("precision", "recall", "f1"), expected[:3], strict=True):
            assert found[f"{name}_{average}"] == pytest.approx(value)
    assert found["log_loss"] == pytest.approx(reference.log_loss(targets, exact, labels=range(classes)), rel=1e-5)
    assert found["brier"] == pytest.approx(np.square(chances - np.eye(classes)[targets]).sum(axis=1).mean(), rel=1e-5)


def test_auroc_equals_the_reference() -> None:
    chances, targets = scored(1, 400, 5)
    exact = chances.astype(np.float64) / chances.astype(np.float64).sum(axis=1, keepdims=True)
    expected = reference.roc_auc_score(targets, exact, multi_class="ovr")
    assert classify(chances, targets, "abcde")["auroc_macro"] == pytest.approx(expected)


def test_auroc_counts_ties_half_and_needs_both_kinds() -> None:
    assert auroc(np.array([0.5, 0.5]), np.array([True, False])) == 0.5
    assert auroc(np.array([0.1, 0.9]), np.array([True, True])) is None


def test_per_class_equals_the_reference() -> None:
    chances, targets = scored(2, 200, 4)
    report = reference.classification_report(
        targets, chances.argmax(axis=1), target_names=list("abcd"), output_dict=True, zero_division=0
    )
    for one in classify(chances, targets, "abcd")["per_class"]:
        wanted = report[one["label"]]
        assert one["rows"] == wanted["support"]
        assert one["precision"] == pytest.approx(wanted["precision"])
        assert one["recall"] == pytest.approx(wanted["recall"])
        assert one["f1"] == pytest.approx(wanted["f1-score"])


def test_a_class_without_rows_has_no_recall_and_is_left_out_of_the_mean() -> None:
    chances = np.array([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0]], dtype=np.float32)
    found = classify(chances, np.array([0, 1]), "abc")
    assert found["per_class"][2]["recall"] is None
    assert found["per_class"][2]["precision"] is None
    assert found["f1_macro"] == 1.0


def test_a_label_the_model_does_not_know_is_wrong_and_has_no_log_loss() -> None:
    chances = np.array([[0.9, 0.1], [0.9, 0.1]], dtype=np.float32)
    found = classify(chances, np.array([0, -1]), "ab")
    assert found["accuracy"] == 0.5
    assert found["unknown_labels"] == 1
    assert found["log_loss"] == pytest.approx(-np.log(0.9), rel=1e-5)


@given(st.integers(0, 10_000), st.integers(2, 60), st.integers(2, 5))
def test_several_categories_equal_the_reference(seed: int, rows: int, labels: int) -> None:
    random = np.random.default_rng(seed)
    truth = (random.random((rows, labels)) < 0.4).astype(np.float32)
    chances = probabilities(random.normal(0, 1, (rows, labels)) + 2 * truth - 1, "categories")
    found = multilabel(chances, truth, [str(one) for one in range(labels)])
    said = chances >= 0.5
    for average in ("micro", "weighted"):
        expected = reference.f1_score(truth, said, average=average, zero_division=0)
        assert (found[f"f1_{average}"] or 0.0) == pytest.approx(expected)
    assert found["exact"] == pytest.approx((said == (truth > 0.5)).all(axis=1).mean())
    assert found["hamming"] == pytest.approx(reference.hamming_loss(truth > 0.5, said))


@given(st.integers(0, 10_000), st.integers(3, 80))
def test_numbers_equal_the_reference(seed: int, rows: int) -> None:
    random = np.random.default_rng(seed)
    truth = random.normal(5, 2, rows)
    said = truth + random.normal(0, 1, rows)
    found = regress(said[:, None], truth[:, None])
    assert found["r2"] == pytest.approx(reference.r2_score(truth, said))
    assert found["rmse"] == pytest.approx(reference.root_mean_squared_error(truth, said))
    assert found["mae"] == pytest.approx(reference.mean_absolute_error(truth, said))
    assert found["spearman"] == pytest.approx(spearmanr(truth, said).statistic)


def test_numbers_that_do_not_vary_have_no_r2() -> None:
    found = regress(np.array([1.0, 2.0]), np.array([3.0, 3.0]))
    assert found["r2"] is None
    assert found["spearman"] is None


def test_no_rows_give_no_numbers_and_no_error() -> None:
    empty = np.empty((0, 3), dtype=np.float32)
    assert classify(empty, np.empty(0, dtype=np.int64), "abc")["accuracy"] is None
    assert multilabel(empty, empty, "abc")["exact"] is None
    assert regress(np.empty((0, 1)), np.empty(0))["rmse"] is None


@pytest.mark.parametrize("output", ["category", "categories", "number"])
def test_every_result_is_json_and_holds_the_headline(output: str) -> None:
    random = np.random.default_rng(0)
    chances, targets = scored(0, 30, 3)
    values = {
        "category": (chances, targets),
        "categories": (chances, (random.random((30, 3)) < 0.5).astype(np.float32)),
        "number": (random.normal(size=(30, 1)), random.normal(size=30)),
    }[output]
    found = measure(*values, output, "abc")  # type: ignore[arg-type]
    assert HEADLINE[output] in json.loads(json.dumps(found, allow_nan=False))  # type: ignore[index]


def test_probabilities_may_be_mapped_from_a_file(tmp_path: Path) -> None:
    chances, targets = scored(3, 500, 7)
    np.save(tmp_path / "chances.npy", chances)
    mapped = np.load(tmp_path / "chances.npy", mmap_mode="r")
    assert classify(mapped, targets, "abcdefg") == classify(chances, targets, "abcdefg")


def test_confusion_counts_every_row_with_a_known_label_once() -> None:
    chances, targets = scored(4, 300, 5)
    targets[:10] = -1
    cells = confusion_counts(answer(chances, "category").predicted, targets)
    assert sum(rows for _, _, rows in cells) == 290
