"""Who has a conversation, as a state machine without anything around it: exactly one party speaks at a time.

bot ──── hands over ───> waiting ──── a human speaks ───> human
 ^  <──────────── released, or a human silent for too long ──────┘
closed <── closed, or quiet for too long ── any state;  a closed one opens with the bot when the customer writes
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

__all__ = ["STATES", "Outcome", "Standing", "State"]

State = Literal["bot", "waiting", "human", "closed"]
STATES: tuple[State, ...] = get_args(State)

Outcome = Literal["answered", "asking", "unsure", "handoff"]
"""What the bot came to: it answered; it asked for a value it needs, or was only greeted; it asked back or did not know;
it wants a human."""


@dataclass(frozen=True)
class Standing:
    """Where a conversation stands. failures: the bot's replies in a row that answered nothing."""

    state: State = "bot"
    failures: int = 0

    @property
    def bot_may_speak(self) -> bool:
        """Whether the bot has the conversation; a human may always take it."""
        return self.state == "bot"

    def customer_speaks(self, *, human_gone: bool = False) -> Standing:
        """The customer wrote. human_gone: the human who has it has been silent for longer than is waited for."""
        if self.state == "closed" or (self.state == "human" and human_gone):
            return Standing()
        return self

    def bot_speaks(self, outcome: Outcome, *, most_failures: int) -> Standing:
        """The bot replied; so many failures in a row hand over to a human.

        Raises:
            ValueError: the bot does not have it, a defect of the program.
        """
        if not self.bot_may_speak:
            raise ValueError(f"the bot speaks in {self.state}")
        failures = {"answered": 0, "asking": self.failures}.get(outcome, self.failures + 1)
        if outcome == "handoff" or failures >= most_failures:
            return Standing("waiting", failures)
        return Standing("bot", failures)

    def human_speaks(self) -> Standing:
        """A human wrote: whoever had it, it is theirs now."""
        return Standing("human")

    def released(self) -> Standing:
        """A human gives it back to the bot; one that is closed stays closed, and one that is the bot's as it is."""
        return self if self.state in ("closed", "bot") else Standing()

    def ended(self) -> Standing:
        """Somebody closes it, or nobody said anything for too long."""
        return Standing("closed")
