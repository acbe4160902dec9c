"""Which applications there are to talk to, by name: what conversation and channels ask of whoever opens releases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from homefield.apps.support.replies import Answerer
from homefield.store.learned import Learned

__all__ = ["Assistants", "Correction"]


@dataclass(frozen=True)
class Correction:
    """What should be replied to a question from now on: an approved answer by its id, or a new one by its text.

    by: who says so. why: in their words. message: the customer's message it is about, where there is one.
    """

    question: str
    by: str
    answer: str | None = None
    text: str | None = None
    why: str = ""
    language: str = ""
    message: str | None = None


class Assistants(Protocol):
    """The applications that are open; safe to use from several threads."""

    def names(self) -> Sequence[str]:
        """Those that have a release in use."""

    def find(self, name: str) -> Answerer:
        """The one in use under this name.

        Raises:
            CallError: `support.no_such_name`.
        """

    def is_open(self, name: str) -> bool:
        """Whether `find` gives it at once; False where it must be opened, which may take seconds, or is not there."""

    def correct(self, name: str, correction: Correction) -> Learned:
        """Learn at once: its answer is given from now on, in every worker.

        Raises:
            CallError: `support.no_such_name`, `support.no_such_answer`.
        """

    def hear(self, told: Mapping[str, int]) -> None:
        """Take note of the store's revisions, before anything that comes later is answered; must not block."""
