from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from homefield.train.batches import cut_by_tokens, padded_tokens, plan_epoch, steps_per_epoch

lengths_of = st.lists(st.integers(1, 64), min_size=1, max_size=300).map(lambda rows: np.array(rows, dtype=np.int32))


@given(lengths=lengths_of, batch=st.integers(1, 40), window=st.integers(1, 9), epoch=st.integers(0, 3))
def test_each_row_comes_once_in_steps_of_one_size(lengths: np.ndarray, batch: int, window: int, epoch: int) -> None:
    steps = plan_epoch(lengths, batch=batch, window=window, seed=3, epoch=epoch)
    assert len(steps) == steps_per_epoch(len(lengths), batch)
    assert sorted(np.concatenate(steps).tolist()) == list(range(len(lengths)))
    sizes = sorted(len(rows) for rows in steps)
    assert set(sizes[1:]) <= {batch}


@given(lengths=lengths_of, tokens=st.integers(1, 500))
def test_parts_stay_within_the_token_budget_unless_one_row_is_larger(lengths: np.ndarray, tokens: int) -> None:
    rows = np.arange(len(lengths))
    parts = cut_by_tokens(rows, lengths, tokens)
    assert sorted(np.concatenate(parts).tolist()) == rows.tolist()
    assert all(len(part) == 1 or len(part) * lengths[part].max() <= tokens for part in parts)


def test_the_order_follows_from_seed_and_epoch() -> None:
    lengths = np.random.default_rng(0).integers(3, 40, 500).astype(np.int32)

    def order(seed: int, epoch: int) -> list[int]:
        return np.concatenate(plan_epoch(lengths, batch=16, window=4, seed=seed, epoch=epoch)).tolist()

    assert order(0, 0) == order(0, 0)
    assert order(0, 0) != order(0, 1)
    assert order(0, 0) != order(1, 0)


def test_sorting_within_windows_leaves_little_padding() -> None:
    lengths = np.random.default_rng(0).integers(5, 60, 6400).astype(np.int32)

    def waste(window: int) -> float:
        steps = plan_epoch(lengths, batch=64, window=window, seed=0, epoch=0)
        return 1 - float(lengths.sum()) / padded_tokens(steps, lengths)

    assert waste(50) < 0.03
    assert waste(1) > 0.3
