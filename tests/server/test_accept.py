"""New connections: all that wait are taken in one turn of the loop, and a turn takes on only so many calls."""

from __future__ import annotations

import asyncio
import resource
import socket
import time
from typing import ClassVar, cast

import pytest
import uvloop

from homefield.server.accept import Accepting
from homefield.server.turn import Turn


class Echo(asyncio.Protocol):
    """Says what it hears."""

    made: ClassVar[list[asyncio.Transport]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        Echo.made.append(self.transport)

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


@pytest.fixture
def listening() -> socket.socket:
    Echo.made.clear()
    return socket.create_server(("127.0.0.1", 0), backlog=2_048)


async def end(accepting: Accepting) -> None:
    accepting.close()
    await accepting.wait_closed()
    for transport in Echo.made:
        transport.close()
    await asyncio.sleep(0.05)


def call(listening: socket.socket) -> socket.socket:
    caller = socket.create_connection(listening.getsockname(), 5.0)
    caller.sendall(b"here")
    return caller


def test_all_that_wait_are_taken_in_one_turn(listening: socket.socket) -> None:
    async def main() -> tuple[int, list[bytes]]:
        callers = [call(listening) for _ in range(300)]
        accepting = Accepting(listening, Echo)
        for _ in range(4):  # one to see that they wait, the others to hand them over
            await asyncio.sleep(0)
        made = len(Echo.made)
        heard = [await asyncio.to_thread(caller.recv, 10) for caller in callers]
        await end(accepting)
        for caller in callers:
            caller.close()
        return made, heard

    made, heard = uvloop.run(main())
    assert made == 300
    assert heard == [b"here"] * 300


def test_nothing_is_taken_once_closed(listening: socket.socket) -> None:
    address = listening.getsockname()

    async def main() -> None:
        accepting = Accepting(listening, Echo)
        await end(accepting)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.to_thread(socket.create_connection, address, 1.0)

    uvloop.run(main())


def test_a_process_with_no_files_left_goes_on_when_it_has_some_again(listening: socket.socket) -> None:
    async def main() -> bytes:
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        caller = call(listening)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
        try:
            accepting = Accepting(listening, Echo)
            await asyncio.sleep(0.05)
            assert Echo.made == []
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
        heard = await asyncio.wait_for(asyncio.to_thread(caller.recv, 10), 5.0)
        await end(accepting)
        caller.close()
        return heard

    assert uvloop.run(main()) == b"here"


def test_a_turn_takes_on_so_many_calls_and_the_next_one_again() -> None:
    async def main() -> None:
        turn = Turn()
        turn.open()
        told = [turn.full() for _ in range(600)]
        refused = [error for error in told if error is not None]
        assert told[:512] == [None] * 512
        assert [error.code for error in refused] == ["serve.overloaded"] * 88
        until = time.monotonic() + 5.0
        while turn.full() is not None:
            assert time.monotonic() < until
            await asyncio.sleep(0.02)
        turn.close()

    asyncio.run(main())
