"""Takes new connections as fast as they come.

uvloop takes one a turn of its loop (libuv since 1.45). A turn under load is some milliseconds long, so that a crowd of
new connections waits in the kernel until that drops them: callers then see resets, or wait the seconds until their own
kernel tries again, and nobody tells them 503.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable

__all__ = ["Accepting"]

_MOST = 2_048  # connections a turn: all that can wait
_PAUSE = 1.0  # seconds without new ones when the process may open no more files
_log = logging.getLogger("homefield.server")


class Accepting:
    """Listens on a socket until closed; what `asyncio.Server` is to uvicorn.

    Args:
        listening: bound and listening; other processes may accept from it too.
        protocol: makes what talks to one connection.
    """

    def __init__(self, listening: socket.socket, protocol: Callable[[], asyncio.Protocol]) -> None:
        self._listening, self._protocol = listening, protocol
        self._loop = asyncio.get_running_loop()
        self._taking: set[asyncio.Task[None]] = set()
        self._closed = False
        listening.setblocking(False)
        self._listen()

    def close(self) -> None:
        """Take no more connections, and close the socket."""
        self._closed = True
        self._loop.remove_reader(self._listening)
        self._listening.close()

    async def wait_closed(self) -> None:
        """Return when those taken last have been handed over."""
        if self._taking:
            await asyncio.wait(self._taking)

    def _listen(self) -> None:
        if not self._closed:
            self._loop.add_reader(self._listening, self._take)

    def _take(self) -> None:
        for _ in range(_MOST):
            try:
                connection, _ = self._listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return  # another worker was quicker, or the caller has gone again
            except OSError as error:
                _log.error("no new connections for a moment", extra={"facts": {"error": str(error)}})
                self._loop.remove_reader(self._listening)
                self._loop.call_later(_PAUSE, self._listen)
                return
            task = self._loop.create_task(self._hand_over(connection))
            self._taking.add(task)
            task.add_done_callback(self._taking.discard)

    async def _hand_over(self, connection: socket.socket) -> None:
        try:
            connection.setblocking(False)
            await self._loop.connect_accepted_socket(self._protocol, connection)
        except OSError:  # gone before it was looked at
            connection.close()
