"""What the loss of pairs pulls together and what it pushes apart."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
import torch
import torch.nn.functional as F

from homefield.tasks import task_for
from homefield.tasks.match import Match, PairStep


def vectors(count: int, width: int = 8, seed: int = 0) -> torch.Tensor:
    return F.normalize(torch.randn(count, width, generator=torch.Generator().manual_seed(seed)), dim=1)


def step(same: list[bool], *, negatives: list[list[int]] | None = None, matter: list[int] | None = None) -> PairStep:
    count = len(same)
    places = torch.arange(2 * count)
    known = torch.tensor(matter) if matter else torch.cat([places[:count], places[:count]])
    none = torch.tensor(negatives) if negatives else torch.full((count, 0), -1, dtype=torch.long)
    return PairStep(places[:count], places[count:], torch.tensor(same), none, known)


def test_it_is_cross_entropy_within_the_step_both_ways() -> None:
    made = vectors(6)
    total, weight = Match(temperature=0.1).contrast(made, step([True] * 3))
    scores = made[:3] @ made[3:].T / 0.1
    own = torch.arange(3)
    expected = (F.cross_entropy(scores, own, reduction="sum") + F.cross_entropy(scores.T, own, reduction="sum")) / 2
    torch.testing.assert_close(total, expected)
    assert float(weight) == 3


def test_the_plain_loss_is_the_same_contrast() -> None:
    made = vectors(6)
    torch.testing.assert_close(Match().loss(made, torch.ones(3))[0], Match().contrast(made, step([True] * 3))[0])


def test_texts_of_the_same_matter_are_not_pushed_apart() -> None:
    made = vectors(4).requires_grad_()
    Match().contrast(made, step([True, True], matter=[0, 0, 0, 0]))[0].backward()
    assert made.grad is not None
    assert float(made.grad.abs().max()) == pytest.approx(0.0, abs=1e-6)


def test_a_mined_partner_is_pushed_away_from_its_text() -> None:
    made = vectors(4)
    made = torch.cat([made, F.normalize(made[:1] + 0.3 * vectors(1, seed=1), dim=1)])
    matter = torch.tensor([0, 1, 0, 1, 2])
    base = PairStep(
        torch.tensor([0, 1]), torch.tensor([2, 3]), torch.tensor([True, True]), torch.full((2, 1), -1), matter
    )
    with_one = PairStep(base.text, base.other, base.same, torch.tensor([[4], [-1]]), matter)
    plain, mined = (Match().contrast(made, each)[0] for each in (base, with_one))
    assert float(mined) > float(plain)
    made.requires_grad_()
    Match().contrast(made, with_one)[0].backward()
    assert made.grad is not None
    assert float(made.grad[4] @ made[0].detach()) > 0


def test_a_labelled_difference_must_stay_below_the_same_by_the_margin() -> None:
    made = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.8, 0.6], [0.6, 0.8]])
    task = Match(temperature=0.1, apart=0.1)
    total, weight = task.contrast(made, step([True, False], matter=[0, 1, 0, 2]))
    alone = task.contrast(made, step([True, True], matter=[0, 1, 0, 2]))
    gap = (0.6 - 0.8 + 0.1) / 0.1
    contrast = total - math.log1p(math.exp(gap))
    first = made[0] @ made[2:].T / 0.1
    expected = (F.cross_entropy(first[None], torch.tensor([0])) + math.log(2.0)) / 2
    assert float(contrast) == pytest.approx(float(expected), abs=1e-5)
    assert float(weight) == float(alone[1]) == 2


def test_a_step_of_differences_alone_teaches_nothing_and_breaks_nothing() -> None:
    made = vectors(4).requires_grad_()
    total, weight = Match().contrast(made, step([False, False]))
    total.backward()
    assert float(total.detach()) == 0.0
    assert float(weight) == 1.0


def test_its_head_begins_as_the_backbones_own_geometry() -> None:
    made = 3.0 * vectors(5)
    found = Match().head(8, 0, 0.0)(made)
    torch.testing.assert_close(found, F.normalize(made, dim=1))
    assert torch.isfinite(Match().head(8, 0, 0.0)(torch.zeros(1, 8))).all()


def test_measure_finds_what_is_near() -> None:
    made = vectors(20).numpy()
    found = Match().measure(np.concatenate([made, made]), np.ones(20, dtype=np.int64))
    assert found["mrr"] == found["recall_1"] == 1.0
    assert set(found) >= {"mrr", "recall_1", "recall_5", "recall_10", "loss"}


def test_a_second_text_makes_it_a_matching_task() -> None:
    assert task_for("none", ("text", "other")) == "match"
    assert task_for("none", ("text",)) is None
    assert task_for("category", ("text", "other", "label")) == "classify"


def test_targets_are_what_the_column_says() -> None:
    assert Match().targets(pl.Series([True, False]), ()).tolist() == [1, 0]
    assert Match().targets(pl.Series(["a", "b"]), ()).tolist() == [1, 1]
