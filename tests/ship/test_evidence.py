from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from homefield.ship.evidence import kept_places

LABELS = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=60)


@given(labels=LABELS, rows=st.integers(1, 80))
def test_at_most_so_many_rows_each_once_in_order(labels: list[str], rows: int) -> None:
    places = kept_places(pl.Series("label", labels, dtype=pl.String), rows)
    assert len(places) == min(rows, len(labels))
    assert (np.diff(places) > 0).all()
    assert all(0 <= place < len(labels) for place in places)


def test_rare_labels_keep_their_rows() -> None:
    labels = ["often"] * 1000 + ["rare"] * 5 + ["seldom"] * 40
    kept = [labels[place] for place in kept_places(pl.Series(labels), 60)]
    assert kept.count("rare") == 5
    assert abs(kept.count("often") - kept.count("seldom")) <= 1


def test_sets_and_numbers() -> None:
    sets = pl.Series("label", [["a"], ["a", "b"], [], None] * 30, dtype=pl.List(pl.String))
    assert len(kept_places(sets, 50)) == 50
    assert len(kept_places(pl.Series("label", np.arange(500.0)), 50)) == 50
