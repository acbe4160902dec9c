"""What every task must do, run over each of them; then what is particular to one."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
import torch.nn.functional as F

from homefield.errors import CallError
from homefield.evaluate.calibration import probabilities
from homefield.evaluate.metrics import HEADLINE, measure
from homefield.messages import LANGUAGES, text
from homefield.tasks import Task, task, task_for
from homefield.tasks.classify import Classify
from homefield.tasks.match import Match
from homefield.tasks.multilabel import Multilabel
from homefield.tasks.regress import Regress

LABELS = ("a", "b", "c")
COLUMNS = {
    "classify": pl.Series("label", ["a", "b", "c", "a", "b", "a"]),
    "multilabel": pl.Series("label", [["a"], ["a", "b"], [], ["c"], ["b"], ["a", "c"]]),
    "regress": pl.Series("label", [1.0, 2.5, -3.0, 4.0, 100.0, 7.0]),
}


ROW_BY_ROW = tuple(COLUMNS)
"""Tasks whose rows are learned from one by one; `match` has tests of its own."""


@pytest.fixture(params=ROW_BY_ROW)
def some(request: pytest.FixtureRequest) -> tuple[Task, pl.Series]:
    return task(request.param), COLUMNS[request.param]


def test_a_loss_of_all_rows_is_the_sum_of_the_losses_of_its_parts(some: tuple[Task, pl.Series]) -> None:
    kind, column = some
    targets = kind.targets(column, LABELS)
    fitted = kind.fit(targets)
    produced = torch.randn(6, fitted.size(LABELS), generator=torch.Generator().manual_seed(0))
    whole = fitted.loss(produced, torch.from_numpy(targets))
    first = fitted.loss(produced[:2], torch.from_numpy(targets[:2]))
    second = fitted.loss(produced[2:], torch.from_numpy(targets[2:]))
    torch.testing.assert_close(whole[0], first[0] + second[0])
    torch.testing.assert_close(whole[1], first[1] + second[1])


def test_a_head_puts_out_one_number_per_label_and_learns(some: tuple[Task, pl.Series]) -> None:
    kind, column = some
    targets = kind.targets(column, LABELS)
    fitted = kind.fit(targets)
    head = fitted.head(8, fitted.size(LABELS), 0.0)
    vectors = torch.randn(6, 8, generator=torch.Generator().manual_seed(0))
    optimiser = torch.optim.Adam(head.parameters(), lr=0.1)
    losses = []
    for _ in range(30):
        total, weight = fitted.loss(head(vectors), torch.from_numpy(targets))
        optimiser.zero_grad()
        (total / weight).backward()
        optimiser.step()
        losses.append((total / weight).item())
    assert losses[-1] < 0.5 * losses[0]


def test_its_own_measure_agrees_with_the_evaluation(some: tuple[Task, pl.Series]) -> None:
    kind, column = some
    targets = kind.targets(column, LABELS)
    produced = np.random.default_rng(0).normal(size=(6, kind.size(LABELS))).astype(np.float32)
    quick = kind.measure(produced, targets)
    whole = measure(
        probabilities(produced, kind.output, 1.0).reshape(6, -1)[:, 0]
        if kind.output == "number"
        else probabilities(produced, kind.output, 1.0),
        targets[:, 0] if kind.output == "number" else targets,
        kind.output,
        LABELS,
    )
    assert kind.metric == HEADLINE[kind.output]
    assert quick[kind.metric] == pytest.approx(whole[kind.metric], abs=1e-6)
    assert set(quick) == set(kind.metrics)


def test_good_targets_have_no_fault(some: tuple[Task, pl.Series]) -> None:
    kind, column = some
    assert kind.check(column, LABELS) == []


def test_rows_without_a_target_are_named(some: tuple[Task, pl.Series]) -> None:
    kind, column = some
    faults = kind.check(pl.concat([column, column.clear(1)]), LABELS)
    assert [fault.code for fault in faults] == [
        "tasks.target_not_finite" if kind.name == "regress" else "tasks.target_empty"
    ]
    assert faults[0].values["rows"] == "7"


def test_label_kinds_find_their_task(some: tuple[Task, pl.Series]) -> None:
    kind, _ = some
    assert task_for(kind.label_kind) == kind.name


def test_every_fault_is_a_sentence_in_both_languages() -> None:
    faults = [
        *Classify().check(pl.Series(["a", None, "z"]), LABELS),
        *Classify().check(pl.Series(["a", "a"]), ("a",)),
        *Regress().check(pl.Series([1.0, float("nan")]), ()),
        *Regress().check(pl.Series([1.0, 1.0]), ()),
        *Match().check(pl.Series([False, False]), ()),
    ]
    assert [f.code.partition(".")[2] for f in faults] == [
        "target_empty",
        "class_absent",
        "class_unknown",
        "one_class",
        "target_not_finite",
        "one_number",
        "none_same",
    ]
    for fault in faults:
        for language in LANGUAGES:
            assert text(fault.code, language, **fault.values)


def test_an_unknown_task_names_those_there_are() -> None:
    with pytest.raises(CallError, match="classify, multilabel, regress, match"):
        task("clasify")


def test_smoothing_and_weights_are_those_of_pytorch() -> None:
    targets = np.array([0, 0, 0, 1, 2], dtype=np.int64)
    fitted = Classify(label_smoothing=0.1, class_weights="balanced").fit(targets)
    assert fitted.weights == pytest.approx((5 / 9, 5 / 3, 5 / 3))
    produced = torch.randn(5, 3, generator=torch.Generator().manual_seed(1))
    total, weight = fitted.loss(produced, torch.from_numpy(targets))
    rows = F.cross_entropy(produced, torch.from_numpy(targets), reduction="none", label_smoothing=0.1)
    each = torch.tensor(fitted.weights)[torch.from_numpy(targets)]
    torch.testing.assert_close(total / weight, (rows * each).sum() / each.sum())


@pytest.mark.parametrize("kind", [Classify, Multilabel])
def test_focal_loss_plays_down_what_is_known(kind: Any) -> None:
    column = COLUMNS[kind.name]
    targets = torch.from_numpy(kind().targets(column, LABELS))
    produced = torch.randn(6, 3, generator=torch.Generator().manual_seed(2))
    plain, _ = kind().loss(produced, targets)
    nearly, _ = kind(focal=1e-9).loss(produced, targets)
    focal, _ = kind(focal=2.0).loss(produced, targets)
    torch.testing.assert_close(plain, nearly)
    assert float(focal) < float(plain)


def test_focal_loss_is_the_formula_of_the_paper() -> None:
    produced = torch.tensor([[2.0, 0.0, -1.0]])
    chance = float(torch.softmax(produced, 1)[0, 0])
    total, _ = Classify(focal=2.0).loss(produced, torch.tensor([0]))
    assert float(total) == pytest.approx(-((1 - chance) ** 2) * np.log(chance), rel=1e-5)


def test_a_number_head_starts_at_the_mean_and_speaks_the_targets_units() -> None:
    targets = Regress().targets(pl.Series([100.0, 300.0]), ())
    fitted = Regress().fit(targets)
    head = fitted.head(4, 1, 0.0)
    assert head(torch.zeros(1, 4)).item() == pytest.approx(200.0)
    total, weight = fitted.loss(torch.tensor([[200.0], [200.0]]), torch.from_numpy(targets))
    assert float(total / weight) == pytest.approx(1.0)


def test_a_label_the_model_does_not_know_counts_as_wrong() -> None:
    targets = Classify().targets(pl.Series(["a", "z"]), LABELS)
    assert targets.tolist() == [0, -1]
    found = Classify().measure(np.array([[3.0, 0, 0], [3.0, 0, 0]], dtype=np.float32), targets)
    assert found["accuracy"] == 0.5
    assert np.isfinite(found["loss"])
