"""What waits is taken whole, once, in batches within the budget, the oldest first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from homefield.serve.waiting import LANES, Call, Waiting

CALLS = st.lists(
    st.builds(
        lambda group, sizes, lane, client: Call(group, list(range(len(sizes))), sizes, lane, client=client),
        st.sampled_from("ab"),
        st.lists(st.integers(1, 40), min_size=1, max_size=12),
        st.sampled_from(LANES),
        st.sampled_from(["x", "y", None]),
    ),
    max_size=12,
)


@given(CALLS, st.integers(1, 60), st.integers(1, 20))
def test_every_item_is_taken_exactly_once_and_batches_keep_to_one_group_and_budget(
    calls: list[Call], budget: int, window: int
) -> None:
    waiting = Waiting(budget=budget, window=window)
    for call in calls:
        waiting.put(call)
    taken = []
    while batch := waiting.take():
        assert len({piece.call.group for piece in batch}) == 1
        assert len(batch) == 1 or sum(piece.size for piece in batch) <= budget
        taken += [(id(piece.call), piece.place) for piece in batch]
    assert sorted(taken) == sorted((id(call), place) for call in calls for place in call.items)
    assert not waiting
    assert waiting.tokens() == waiting.tokens_of("x") == waiting.tokens_of("y") == 0


@given(CALLS, st.data())
def test_what_is_dropped_is_never_taken_and_no_longer_counted(calls: list[Call], data: st.DataObject) -> None:
    waiting = Waiting(budget=30)
    for call in calls:
        waiting.put(call)
    waiting.take()
    gone = [call for call in calls if data.draw(st.booleans())]
    for call in gone:
        waiting.drop(call)
    while batch := waiting.take():
        assert not any(piece.call.gone for piece in batch)
    assert waiting.tokens() == 0


def test_bulk_waits_for_interactive_calls_but_does_not_starve() -> None:
    waiting = Waiting(budget=1)
    waiting.put(Call("a", range(20), [1] * 20, "bulk"))
    waiting.put(Call("a", range(20), [1] * 20, "interactive"))
    lanes = [waiting.take()[0].call.lane for _ in range(8)]
    assert lanes == [*["interactive"] * 3, "bulk"] * 2


def test_a_late_call_is_dropped() -> None:
    waiting = Waiting()
    late, early = Call("a", [1], [1], deadline=5.0), Call("a", [1], [1], deadline=9.0)
    waiting.put(late)
    waiting.put(early)
    assert waiting.expired(5.0) == [late]
    assert [piece.call for piece in waiting.take()] == [early]
