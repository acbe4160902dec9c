"""The threads in which desks work, and the opening of applications beside them.

A release of a million questions takes seconds to open. Who writes to it meanwhile waits without a thread, so that the
other applications answer as ever.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from homefield.apps.support.assistants import Assistants
from homefield.apps.support.replies import Answerer
from homefield.bundle.names import check_name
from homefield.errors import HomefieldError

__all__ = ["Counter"]

Result = TypeVar("Result")
_THREADS = 8  # a look-up may keep one for seconds
_OPENERS = 2  # opening takes a processor and much memory


class Counter:
    """Where desks work. All methods are called in the event loop.

    Args:
        assistants: the applications.
    """

    def __init__(self, assistants: Assistants) -> None:
        self._assistants = assistants
        self._threads = ThreadPoolExecutor(_THREADS, "homefield-desk")
        self._openers = ThreadPoolExecutor(_OPENERS, "homefield-desk-opener")
        self._opening: dict[str, asyncio.Future[Answerer]] = {}

    async def do(self, work: Callable[[], Result]) -> Result:
        """Do what blocks, in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def do_for(self, name: str, work: Callable[[], Result]) -> Result:
        """Do what needs an application, once it is open.

        Raises:
            CallError: `bundle.bad_name`; CallError, Tampered: as `Assistants.find`. As `work`.
        """
        check_name(name)
        done = await self.do(lambda: [work()] if self._assistants.is_open(name) else [])
        if done:
            return done[0]
        await self._open(name)
        return await self.do(work)

    async def open_all(self) -> None:
        """Open every application, so that no customer waits for it; who writes to one that cannot be is told why."""
        with suppress(HomefieldError):
            for name in await self.do(self._assistants.names):
                with suppress(HomefieldError):
                    await self._open(name)

    def close(self) -> None:
        """Let the threads go; what they are at comes to its end."""
        for each in (self._threads, self._openers):
            each.shutdown(wait=False, cancel_futures=True)

    async def _open(self, name: str) -> None:
        """Open an application; all who wait for it wait for the same opening."""
        opening = self._opening.get(name)
        if opening is None:
            loop = asyncio.get_running_loop()
            opening = self._opening[name] = loop.run_in_executor(self._openers, self._opened, name)
            opening.add_done_callback(lambda ended: self._ended(name, ended))
        await asyncio.shield(opening)

    def _opened(self, name: str) -> Answerer:
        found = self._assistants.find(name)
        # Every look for cycles among a million questions stops the process for some 50 ms; what stays needs none.
        gc.freeze()
        return found

    def _ended(self, name: str, opening: asyncio.Future[Answerer]) -> None:
        del self._opening[name]
        if not opening.cancelled():
            opening.exception()  # known, though everybody who waited may be gone
