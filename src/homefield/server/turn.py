"""Keeps the turns of the event loop short: what waits for a long turn to end waits unseen, before any queue of ours.

The loop takes what has arrived in turns, and a turn is as long as what arrived during the one before it needs. Above
capacity turns grow, and with them the time until anybody looks at a request. So a turn takes on only so many calls; the
rest of what arrived is refused, which costs a tenth.
"""

from __future__ import annotations

import asyncio

from homefield.errors import MachineError

__all__ = ["Turn"]

_MOST = 512  # calls a turn, some 0.3 seconds of work
_BEAT = 0.1  # seconds; a turn that is shorter counts with the next


class Turn:
    """Counts the calls of a turn; `open` and `close` in the event loop."""

    def __init__(self) -> None:
        self._taken = 0
        self._timer: asyncio.TimerHandle | None = None

    def open(self) -> None:
        """Start to count."""
        self._taken = 0
        self._timer = asyncio.get_running_loop().call_later(_BEAT, self.open)

    def close(self) -> None:
        """Stop."""
        if self._timer is not None:
            self._timer.cancel()

    def full(self) -> MachineError | None:
        """Why this turn takes on no further call; None where it does, and then the call is counted."""
        if self._taken >= _MOST:
            return MachineError("serve.overloaded", seconds=1)
        self._taken += 1
        return None
