"""Names for rows that sort by the moment they were made: 48 bits of time, 80 of chance, 26 letters and digits.

An index grows at its end, a list is in order of time without a second column, and nobody guesses the next one. Within
one process every id is greater than the one before, even within one millisecond.
"""

from __future__ import annotations

import secrets
import threading
import time
from datetime import UTC, datetime

__all__ = ["is_id", "made_at", "new_id"]

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: no I, L, O, U, which people misread
_LENGTH, _CHANCE = 26, 80
_STEP = (1 << 32) - 1


class _Last:
    """The last id of this process."""

    def __init__(self) -> None:
        self.value = 0
        self.lock = threading.Lock()

    def next(self) -> int:
        """A number greater than all before: of the clock, or one more than the last."""
        chance = secrets.randbits(_CHANCE)
        fresh = (time.time_ns() // 1_000_000 << _CHANCE) | chance
        with self.lock:
            # The same millisecond, or a clock that was set back: a step at random, so that ids stay hard to guess.
            self.value = fresh if fresh > self.value else self.value + 1 + (chance & _STEP)
            return self.value


_last = _Last()


def new_id() -> str:
    """A new id."""
    number = _last.next()
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(5 * (_LENGTH - 1), -1, -5))


def is_id(value: str) -> bool:
    """Whether `value` is written as an id is; whether there is such a row is another question."""
    return len(value) == _LENGTH and value[0] in "01234567" and set(value) <= set(_ALPHABET)


def made_at(value: str) -> datetime:
    """When the id was made, to the millisecond.

    Raises:
        ValueError: it is no id.
    """
    if not is_id(value):
        raise ValueError(f"not an id: {value!r}")
    number = 0
    for letter in value:
        number = number << 5 | _ALPHABET.index(letter)
    return datetime.fromtimestamp((number >> _CHANCE) / 1000, UTC)
