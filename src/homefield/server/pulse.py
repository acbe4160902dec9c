"""What other workers have changed: the store's revisions, read before every answer.

Requests that come while a read is under way share the next one, so that a busy server reads as often as it can, not as
often as it is asked; each still answers by a read that began after it came.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from homefield.store import Store, revisions

__all__ = ["Pulse"]


class Pulse:
    """Reads the revisions and tells them to those who keep something in memory.

    Args:
        store: where they stand.
        hearers: called in the event loop after each read, with the revisions by scope.
    """

    def __init__(self, store: Store, *hearers: Callable[[Mapping[str, int]], None]) -> None:
        self._store, self._hearers = store, hearers
        self._thread = ThreadPoolExecutor(1, "homefield-pulse")
        self._next: asyncio.Future[None] | None = None
        self._reading = False

    async def feel(self) -> None:
        """Return when everything committed before this call has been heard of.

        Raises:
            MachineError: the store does not answer.
        """
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        waited = self._next
        if not self._reading:
            self._read()
        await asyncio.shield(waited)

    def close(self) -> None:
        """Stop the thread."""
        self._thread.shutdown(wait=False)

    def _read(self) -> None:
        waited, self._next, self._reading = self._next, None, True
        assert waited is not None
        reading = asyncio.get_running_loop().run_in_executor(self._thread, self._look)
        reading.add_done_callback(lambda done: self._seen(done, waited))

    def _look(self) -> Mapping[str, int]:
        with self._store.read() as transaction:
            return revisions.current(transaction)

    def _seen(self, done: asyncio.Future[Mapping[str, int]], waited: asyncio.Future[None]) -> None:
        self._reading = False
        if self._next is not None:
            self._read()
        if waited.done() or done.cancelled():
            return
        if (failure := done.exception()) is not None:
            waited.set_exception(failure)
            waited.exception()  # whoever asked may have gone
            return
        for hear in self._hearers:
            hear(done.result())
        waited.set_result(None)
