"""N-grams in the input layer: the frequent ones are found, exactly those, and nothing that is masked shows through."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from homefield.backbones.phrases import ORDERS, PhraseCounts, Phrases, phrase_tables

KEPT = [np.array([[10, 11], [12, 13]]), np.array([[10, 11, 12]]), np.array([[20, 21, 22, 23]])]
MASK = 4


def phrases() -> Phrases:
    slots, checks = phrase_tables(KEPT)
    torch.manual_seed(0)
    made = Phrases(len(checks), 3, 5)
    made.initialise(slots, checks)
    return made


def found(ids: list[int]) -> list[tuple[int, int]]:
    """(place, order) of the n-grams found in `ids`."""
    rows = phrases().rows(torch.tensor([ids]))
    return [
        (place, order) for order, row in zip(ORDERS, rows, strict=True) for place in row[0].nonzero()[:, 0].tolist()
    ]


def test_every_kept_n_gram_is_found_where_it_begins() -> None:
    assert found([7, 10, 11, 12, 13, 7]) == [(1, 2), (3, 2), (1, 3)]
    assert found([20, 21, 22, 23]) == [(0, 4)]


def test_an_n_gram_that_goes_beyond_the_end_is_not_found() -> None:
    assert found([20, 21, 22]) == []


@given(st.lists(st.integers(5, 60_000), min_size=2, max_size=60))
def test_nothing_is_found_but_what_was_kept(ids: list[int]) -> None:
    known = {tuple(gram) for grams in KEPT for gram in grams.tolist()}
    assert all(tuple(ids[place : place + order]) in known for place, order in found(ids))


def test_a_masked_token_leaves_no_trace() -> None:
    # Whatever stood under the mask, the input layer gives the same.
    torch.manual_seed(0)
    made, mask = phrases(), torch.ones(1, 6, dtype=torch.bool)
    assert found([7, 10, MASK, 12, 13, 7]) == [(3, 2)]
    seen = [made(torch.tensor([[7, 10, MASK, 12, 13, 7]]), mask)]
    seen.append(made(torch.tensor([[7, 10, MASK, 12, 13, 7]]), mask))
    assert torch.equal(seen[0], seen[1])
    assert not torch.equal(seen[0], made(torch.tensor([[7, 10, 11, 12, 13, 7]]), mask))


def test_a_token_hears_of_n_grams_that_begin_and_of_those_that_end_with_it() -> None:
    states = phrases()(torch.tensor([[20, 21, 22, 23, 7]]), torch.ones(1, 5, dtype=torch.bool))[0]
    assert [bool(state.abs().sum() > 0) for state in states] == [True, False, False, True, False]


def test_padding_changes_nothing() -> None:
    made = phrases()
    short = made(torch.tensor([[7, 10, 11]]), torch.ones(1, 3, dtype=torch.bool))
    mask = torch.tensor([[True, True, True, False]])
    assert torch.allclose(made(torch.tensor([[7, 10, 11, 12]]), mask)[:, :3], short)


def test_n_grams_of_whole_words_are_counted_and_the_most_frequent_kept() -> None:
    plain = np.ones(50, np.bool_)
    plain[9] = False  # a sign
    counts = PhraseCounts(plain)
    ids = np.array([10, 11, 12, 9, 10, 11, 13, 14] * 12, np.int64)
    begins = np.array([1, 0, 1, 1, 1, 0, 1, 0] * 12, np.bool_)
    half = len(ids) // 2
    for block in (slice(0, half), slice(half, None)):
        counts.add(ids[block], begins[block])
    two, three, four = (kept.tolist() for kept in counts.most_frequent(10))
    assert [10, 11] in two
    assert [13, 14] in two
    assert [11, 12] not in two  # begins within a word
    assert [10, 11, 12] in three
    assert all(9 not in gram for gram in (*two, *three, *four))
    assert [len(kept) for kept in counts.most_frequent(1)] == [1, 0, 0]


def test_of_two_with_one_place_the_first_stays() -> None:
    many = np.random.default_rng(0).integers(5, 60_000, (60_000, 2))
    slots, checks = phrase_tables([many, np.empty((0, 3), np.int64), np.empty((0, 4), np.int64)])
    rows = slots[slots > 0]
    assert sorted(rows.tolist()) == list(range(1, len(checks)))
    assert 55_000 < len(rows) < 60_000
