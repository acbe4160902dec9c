"""One worker: uvicorn around the application, and what SIGTERM means.

First unready, so that balancers send nobody new; then, after `serve_drain` seconds, nothing is accepted any more, what
is in flight is answered, streams end, and the process leaves with 0. SIGINT is the same without the wait.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn
from threadpoolctl import threadpool_limits

from homefield.server.accept import Accepting
from homefield.server.app import create_app
from homefield.server.logs import logging_config
from homefield.server.running import Running
from homefield.workspace import Workspace

__all__ = ["serve_on"]

_IN_FLIGHT = 60  # seconds that what is in flight may take
# The network's thread wants the interpreter back as soon as a pass ends; the default, 5 ms, is longer than many passes.
_SWITCH = 0.0005
# NumPy's threads wait for each other awake: with two of them a message to a customer service of a million questions
# took 56 ms of processor time, with one 14.
_PRODUCTS = 1


def serve_on(
    listening: socket.socket,
    workspace: Workspace,
    *,
    host: str,
    workers: int = 1,
    leaving: Callable[[], None] = lambda: None,
) -> None:
    """Answer on a listening socket until SIGTERM or SIGINT.

    leaving: called when the signal has come, before what is in flight is answered.

    Raises:
        as `create_app`.
    """
    sys.setswitchinterval(_SWITCH)
    threadpool_limits(_PRODUCTS, user_api="blas")
    app = create_app(workspace, host=host, workers=workers)
    config = uvicorn.Config(
        app,
        log_config=logging_config(),
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        lifespan="on",
        ws="none",
        timeout_graceful_shutdown=_IN_FLIGHT,
        timeout_keep_alive=75,
    )
    _Server(config, app.state.running, listening, leaving).run(sockets=[])


class _Server(uvicorn.Server):
    """Uvicorn's, but that it takes connections in its own way, drains first and then leaves with 0."""

    def __init__(
        self, config: uvicorn.Config, running: Running, listening: socket.socket, leaving: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._running, self._listening, self._told = running, listening, leaving
        self._leaving: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, then listen."""
        await super().startup(sockets)
        self.servers = [Accepting(self._listening, self._protocol)]  # type: ignore[list-item]

    def _protocol(self) -> asyncio.Protocol:
        make: Callable[..., asyncio.Protocol] = self.config.http_protocol_class
        return make(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave on SIGTERM and SIGINT; they are not raised again at the end, so that the exit code is 0."""
        self._loop = asyncio.get_running_loop()
        before = {each: signal.signal(each, self.handle_exit) for each in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to leave; a second SIGINT leaves at once."""
        del frame
        if self._leaving is not None and sig == signal.SIGINT:
            self.force_exit = self.should_exit = True
        wait = 0.0 if sig == signal.SIGINT else self._running.settings.serve_drain
        self._loop.call_soon_threadsafe(self._leave, wait)

    def _leave(self, wait: float) -> None:
        if self._leaving is None:
            self._told()
            self._leaving = self._loop.create_task(self._drain(wait))

    async def _drain(self, wait: float) -> None:
        await self._running.drain()
        await asyncio.sleep(wait)
        self.should_exit = True
