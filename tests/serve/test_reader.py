"""Texts are cut into batches by length, so that all of them together take the least time."""

from __future__ import annotations

from itertools import combinations, pairwise

from hypothesis import given
from hypothesis import strategies as st

from homefield.serve.reader import _LEAST, _PASS, cut_by_length, share

LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=9).map(sorted)


def cost(lengths: list[int], ends: list[int]) -> int:
    return sum(lengths[end - 1] * (end - start) + _PASS for start, end in pairwise([0, *ends]))


@given(LENGTHS)
def test_no_other_way_of_cutting_costs_less(lengths: list[int]) -> None:
    inside = range(1, len(lengths))
    every = [[*cut, len(lengths)] for size in range(len(lengths)) for cut in combinations(inside, size)]
    assert cost(lengths, cut_by_length(lengths, 10_000)) == min(cost(lengths, ends) for ends in every)


@given(LENGTHS, st.integers(1, 300))
def test_a_batch_of_several_holds_no_more_places_than_it_may(lengths: list[int], tokens: int) -> None:
    ends = [0, *cut_by_length(lengths, tokens)]
    assert ends[-1] == len(lengths)
    for start, end in pairwise(ends):
        assert end - start == 1 or 1 < end - start <= tokens // lengths[end - 1]


def test_texts_of_one_length_are_one_batch_until_it_is_full() -> None:
    assert cut_by_length([20] * 32, 1_024) == [32]
    assert cut_by_length([20] * 120, 1_024) == [51, 102, 120]


def test_a_long_text_does_not_make_short_ones_wait() -> None:
    assert cut_by_length([8] * 31 + [60], 1_024) == [31, 32]


@given(st.integers(1, 100_000), st.integers(64, 2_048), st.integers(1, 64))
def test_what_a_batch_may_hold_gives_every_core_as_much(total: int, tokens: int, cores: int) -> None:
    most = share(total, tokens, cores)
    assert min(_LEAST, tokens) <= most <= tokens
    batches = -(-total // most)
    assert batches <= cores * -(-total // (cores * tokens))


def test_32_texts_of_one_length_are_two_halves_on_two_cores_and_eight_batches_on_eight() -> None:
    assert cut_by_length([20] * 32, share(640, 1_024, 2)) == [16, 32]
    assert cut_by_length([20] * 32, share(640, 1_024, 8)) == [4, 8, 12, 16, 20, 24, 28, 32]
