from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from homefield.data.dataset import SPLITS
from homefield.data.options import SHARES
from homefield.data.split import link, split_by_time, split_stratified

ROWS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 5)), min_size=1, max_size=120)


def ids(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).permutation(np.arange(1, count + 1, dtype=np.uint64)) * np.uint64(2**40 + 1)


@given(ROWS, st.integers(0, 5))
@settings(deadline=None)
def test_no_group_is_cut_and_every_label_is_in_train(rows: list[tuple[int, int]], seed: int) -> None:
    groups, strata = np.array(rows).T
    split = split_stratified(ids(len(rows)), groups, strata, SHARES, seed)
    for group in set(groups.tolist()):
        assert len(set(split[groups == group].tolist())) == 1
    # A label all of whose rows are linked with a rarer label's goes where that one goes; every other is in train.
    order = sorted(set(strata.tolist()), key=lambda label: ((strata == label).sum(), label))
    rarest = {min(strata[groups == group].tolist(), key=order.index) for group in set(groups.tolist())}
    assert {order.index(label) for label in rarest} <= {
        min(order.index(label) for label in strata[groups == group].tolist())
        for group in set(groups[split == 0].tolist())
    }
    assert (split == 0).any()


@given(ROWS, st.integers(0, 3), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_order_of_rows_changes_nothing(rows: list[tuple[int, int]], seed: int, rng: object) -> None:
    groups, strata = np.array(rows).T
    names = ids(len(rows))
    order = np.random.default_rng(seed).permutation(len(rows))
    one = split_stratified(names, groups, strata, SHARES, seed)
    two = split_stratified(names[order], groups[order], strata[order], SHARES, seed)
    assert one[order].tolist() == two.tolist()


def test_shares_hold_overall_and_for_every_label() -> None:
    strata = np.repeat(np.arange(77), 130)
    split = split_stratified(ids(len(strata)), np.arange(len(strata)), strata, SHARES, 1)
    for code, name in enumerate(SPLITS):
        assert abs((split == code).mean() - SHARES[name]) < 0.001
        by_label = np.bincount(strata[split == code], minlength=77)
        assert np.abs(by_label - 130 * SHARES[name]).max() <= 2


def test_small_labels_give_their_share_together() -> None:
    strata = np.repeat(np.arange(500), 4)
    split = split_stratified(ids(len(strata)), np.arange(len(strata)), strata, SHARES, 1)
    assert (np.bincount(strata[split == 0], minlength=500) >= 1).all()
    assert abs((split == SPLITS.index("test")).mean() - 0.10) < 0.01


def test_a_label_with_one_row_goes_to_train() -> None:
    strata = np.array([0] * 50 + [1] + [2])
    for seed in range(10):
        split = split_stratified(ids(len(strata)), np.arange(len(strata)), strata, SHARES, seed)
        assert split[50] == split[51] == 0


def test_a_large_group_does_not_bend_the_shares_of_other_labels() -> None:
    strata = np.array([0] * 600 + [1] * 400)
    groups = np.concatenate((np.zeros(600, dtype=int), np.arange(1, 401)))
    split = split_stratified(ids(1000), groups, strata, SHARES, 0)
    assert set(split[:600].tolist()) == {0}
    assert np.abs(np.bincount(split[600:], minlength=4) - np.array([320, 20, 20, 40])).max() <= 3


def test_every_split_has_rows_when_there_are_enough() -> None:
    split = split_stratified(ids(8), np.arange(8), np.zeros(8, dtype=int), SHARES, 0)
    assert set(split.tolist()) == {0, 1, 2, 3}


def test_another_seed_gives_another_split() -> None:
    strata = np.zeros(200, dtype=int)
    one, two = (split_stratified(ids(200), np.arange(200), strata, SHARES, seed) for seed in (0, 1))
    assert one.tolist() != two.tolist()


TIMED = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 25)), min_size=1, max_size=100)


@given(TIMED)
@settings(deadline=None)
def test_by_time_the_future_stays_out_of_the_past(rows: list[tuple[int, int]]) -> None:
    times, groups = np.array(rows).T
    split, ends = split_by_time(times, groups, SHARES)
    for group in set(groups.tolist()):
        assert len(set(split[groups == group].tolist())) == 1
    assert (np.diff([end for end in ends if end is not None]) > 0).all()
    for code, end in enumerate(ends):
        if (split == code).any():
            assert end is not None
            assert times[split == code].max() <= end
            # What is newer than everything in an earlier split belongs to a group whose newest row is newer too.
            earlier = [e for e in ends[:code] if e is not None]
            for group in set(groups[split == code].tolist()):
                assert not earlier or times[groups == group].max() > max(earlier)


def test_by_time_shares_hold_and_ties_stay_together() -> None:
    times = np.repeat(np.arange(100), 10)
    split, ends = split_by_time(times, np.arange(1000), SHARES)
    assert np.bincount(split).tolist() == [800, 50, 50, 100]
    assert ends == [79, 84, 89, 99]
    one_day, _ = split_by_time(np.zeros(50, dtype=np.int64), np.arange(50), SHARES)
    assert set(one_day.tolist()) == {0}


@given(ROWS)
def test_linked_groupings_keep_together_what_either_keeps_together(rows: list[tuple[int, int]]) -> None:
    one, two = np.array(rows).T
    linked = link(one, two)
    for grouping in (one, two):
        for group in set(grouping.tolist()):
            assert len(set(linked[grouping == group].tolist())) == 1
    assert len(set(linked.tolist())) <= min(len(set(one.tolist())), len(set(two.tolist())))
