"""A budget becomes steps: short sequences first, the learning rate at its end when the budget is."""

from __future__ import annotations

from typing import Any

import pytest

from homefield.train.checkpoint import Place
from homefield.train.pretrain.course import Budget, Stretch
from homefield.train.pretrain.recipe import load_pretrain_recipe

TOKENS = 10_000


def course(budget: Budget, **keys: Any) -> Stretch:
    recipe = load_pretrain_recipe(None, {"length": 16, "long_length": 32, "step_tokens": 256, **keys})
    return Stretch(recipe, TOKENS, budget)


def walk(
    course: Stretch, place: Place, *, seconds: float = 1.0, slower: float = 1.0
) -> list[tuple[int, float, list[int]]]:
    """Of every step to the end: tokens of a sequence, learning rate, and where in the stream its sequences begin."""
    taken = []
    while not course.over(place):
        leg = course.leg(place)
        for rows in leg.steps:
            cut, own = course.cut_of(rows)
            assert cut is not None
            assert set(leg.lengths[rows]) == {cut.length}
            taken.append((cut.length, course.factor(place), [cut.shift + int(row) * (cut.length - 1) for row in own]))
            place.step += 1
            place.seconds += seconds
            seconds *= slower
            place.share = course.share(place, place.seconds)
    return taken


def test_a_budget_of_tokens_is_spent_to_the_step() -> None:
    taken = walk(course(Budget(tokens=256 * 200)), Place())
    assert len(taken) == 200
    assert [length for length, *_ in taken] == [16] * 160 + [32, 16] * 20
    assert all(len(rows) == 256 // length for length, _, rows in taken)
    rates = [rate for _, rate, _ in taken]
    assert max(rates) == pytest.approx(1, abs=0.01)
    assert rates[-1] < 0.02


@pytest.mark.parametrize("at", [1, 77, 180, 193])
def test_going_on_from_any_step_takes_the_same_steps(at: int) -> None:
    whole = walk(course(Budget(tokens=256 * 200)), Place())
    place = Place()
    going, first = course(Budget(tokens=256 * 200)), []
    while place.step < at:
        for rows in going.leg(place).steps:
            cut, own = going.cut_of(rows)
            assert cut is not None
            first.append([cut.shift + int(row) * (cut.length - 1) for row in own])
            place.step += 1
            place.share = going.share(place, 0)
            if place.step == at:
                break
    rest = walk(course(Budget(tokens=256 * 200)), place)
    assert first == [rows for _, _, rows in whole[:at]]
    assert rest == whole[at:]


def test_each_pass_sees_nearly_every_sequence_once() -> None:
    taken = walk(course(Budget(tokens=256 * 39), long_share=0), Place())
    seen = [begin for *_, begins in taken for begin in begins]
    assert len(set(seen)) == len(seen)
    assert len(seen) > 0.9 * TOKENS / 15


def test_long_and_short_sequences_are_each_gone_through_in_turns_at_the_end() -> None:
    place = Place(share=0.8, step=800)
    taken = walk(course(Budget(tokens=256 * 1000)), place)
    assert [length for length, *_ in taken] == [32, 16] * 100
    for length in (16, 32):
        first = [begin for each, _, begins in taken[:78] if each == length for begin in begins]
        assert len(set(first)) == len(first) > 0.85 * TOKENS / (length - 1)


def test_a_machine_that_slows_down_still_ends_on_time_with_the_learning_rate_at_its_end() -> None:
    place = Place()
    taken = walk(course(Budget(seconds=600, spent=60, reserve=40)), place, seconds=1, slower=1.01)
    assert 500 <= place.seconds < 510
    assert len(taken) < 200
    assert taken[-1][1] < 0.05
    assert sum(length == 32 for length, *_ in taken) > 0


def test_minutes_go_on_with_what_is_left() -> None:
    place = Place(step=100, share=0.5, seconds=250)
    walk(course(Budget(seconds=500)), place)
    assert 500 <= place.seconds <= 502


def test_evaluations_are_spread_evenly() -> None:
    going, place, judged = course(Budget(tokens=256 * 100), evaluations=4), Place(), []
    while not going.over(place):
        for _ in going.leg(place).steps:
            before = place.share
            place.step += 1
            place.share = going.share(place, 0)
            if going.judged(place, before):
                judged.append(place.step)
    assert judged == [25, 50, 75, 100]


def test_progress_is_told_in_steps_or_in_seconds() -> None:
    assert course(Budget(tokens=2560)).progress(Place(step=4, share=0.4)) == (4, 10)
    assert course(Budget(seconds=600, spent=60)).progress(Place(share=0.5)) == (330, 600)
