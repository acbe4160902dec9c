from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homefield.store import is_id, made_at, new_id, now


def test_ids_sort_by_the_moment_they_were_made() -> None:
    made = [new_id() for _ in range(2_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_threads_never_get_the_same() -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: new_id(), range(4_000)))
    assert len(set(made)) == len(made)


def test_an_id_knows_its_moment() -> None:
    before = now()
    assert before - timedelta(milliseconds=1) <= made_at(new_id()) <= now()


@given(st.text())
def test_what_is_no_id_is_known_as_none(word: str) -> None:
    if is_id(word):
        assert made_at(word)
    else:
        with pytest.raises(ValueError, match="not an id"):
            made_at(word)
