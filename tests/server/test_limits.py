"""What rate and depth limits always hold, whatever comes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homefield.errors import CallError
from homefield.server.limits import Rate, check_depth

NESTED: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet='[]{}"\\ab', max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet='[{"\\', max_size=3), inner, max_size=3)
    ),
    max_leaves=30,
)


def depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


@given(NESTED, st.integers(0, 6))
def test_json_is_refused_exactly_when_it_is_deeper(value: Any, most: int) -> None:
    body = json.dumps(value).encode()
    if depth(value) > most:
        with pytest.raises(CallError) as caught:
            check_depth(body, most=most)
        assert caught.value.code == "server.too_deep"
    else:
        check_depth(body, most=most)


@given(
    st.floats(0.5, 50),
    st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 3)), min_size=1, max_size=120),
)
def test_nobody_gets_more_than_the_rate_or_is_held_up_by_another(rate: float, asked: list[tuple[str, float]]) -> None:
    moment = 0.0
    both, alone = Rate(rate, clock=lambda: moment), Rate(rate, clock=lambda: moment)
    let_in: list[float] = []
    for client, pause in asked:
        moment += pause
        together = _allowed(both, client)
        if client == "a":
            assert together == _allowed(alone, client)  # what `b` does is nothing to `a`
            let_in += [moment] * together
    held = max(1.0, 2 * rate)
    for place, begun in enumerate(let_in):
        for further, ended in enumerate(let_in[place:], 1):
            assert further <= held + (ended - begun) * rate + 1e-6


@given(st.floats(0.5, 50))
def test_who_waits_as_long_as_told_is_let_in(rate: float) -> None:
    moment = 0.0
    limit = Rate(rate, clock=lambda: moment)
    while _allowed(limit, "a"):
        pass
    with pytest.raises(CallError) as caught:
        limit.take("a")
    assert caught.value.code == "server.too_often"
    seconds = caught.value.values["seconds"]
    assert isinstance(seconds, int)
    assert seconds >= 1
    moment += seconds
    assert _allowed(limit, "a")


def _allowed(limit: Rate, client: str) -> bool:
    try:
        limit.take(client)
    except CallError:
        return False
    return True
