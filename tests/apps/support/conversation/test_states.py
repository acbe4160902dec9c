"""The state machine alone: whatever happens in whatever order, one party has the conversation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homefield.apps.support.conversation.states import STATES, Standing

events = st.lists(
    st.sampled_from(["customer", "gone", "answered", "asking", "unsure", "handoff", "human", "release", "close"])
)


@given(events, st.integers(1, 4))
def test_the_bot_speaks_only_when_it_has_it_and_never_fails_more_often_than_allowed(
    happened: list[str], most: int
) -> None:
    standing = Standing()
    for each in happened:
        before = standing
        if each in ("answered", "asking", "unsure", "handoff"):
            if not standing.bot_may_speak:
                with pytest.raises(ValueError, match=standing.state):
                    standing.bot_speaks(each, most_failures=most)  # type: ignore[arg-type]
                continue
            standing = standing.bot_speaks(each, most_failures=most)  # type: ignore[arg-type]
            assert standing.state in ("bot", "waiting")
            assert standing.state == "waiting" or standing.failures < most
        elif each in ("customer", "gone"):
            standing = standing.customer_speaks(human_gone=each == "gone")
            assert standing.state != "closed"
            assert standing == before or standing == Standing()
        elif each == "human":
            standing = standing.human_speaks()
            assert standing.state == "human"
        elif each == "release":
            standing = standing.released()
            assert standing.state == ("closed" if before.state == "closed" else "bot")
        else:
            standing = standing.ended()
            assert standing.state == "closed"
        assert standing.state in STATES
        assert standing.bot_may_speak == (standing.state == "bot")


def test_a_customer_who_waits_for_a_human_is_not_thrown_back_to_the_bot() -> None:
    waiting = Standing().bot_speaks("handoff", most_failures=2)
    assert waiting.customer_speaks(human_gone=True).state == "waiting"


def test_an_answer_forgets_the_failures_before_it() -> None:
    unsure = Standing().bot_speaks("unsure", most_failures=2)
    assert unsure == Standing("bot", 1) == unsure.released()
    assert unsure.bot_speaks("answered", most_failures=2) == Standing()
    assert unsure.bot_speaks("unsure", most_failures=2) == Standing("waiting", 2)
