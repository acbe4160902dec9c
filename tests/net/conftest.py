"""Real servers that behave badly, each on a free port of this machine."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from homefield.net import Allowed

HERE = Allowed.parse(["127.0.0.0/8", "::1"])


@dataclass
class Served:
    """A server; `requests` are the heads (and what came with them) it was sent."""

    port: int
    requests: list[str] = field(default_factory=list)

    def url(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self.port}{path}"


Answer = Callable[[socket.socket, str], None]
Serve = Callable[..., Served]


@contextmanager
def serving(answer: Answer, address: str = "127.0.0.1", port: int = 0) -> Iterator[Served]:
    """Answer every connection to `address` with `answer(connection, request)`."""
    with socket.create_server((address, port)) as listener:
        served = Served(listener.getsockname()[1])
        stopping = threading.Event()

        def one(connection: socket.socket) -> None:
            with connection:
                try:
                    request = connection.recv(65536).decode("latin-1")
                    served.requests.append(request)
                    answer(connection, request)
                except OSError:
                    return  # the client has had enough

        def accept() -> None:
            while not stopping.is_set():
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=one, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield served
        finally:
            stopping.set()
            listener.shutdown(socket.SHUT_RDWR)


def plain(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """A whole reply."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start servers that stop with the test."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def start(answer: Answer | bytes, address: str = "127.0.0.1", port: int = 0) -> Served:
            done = answer if callable(answer) else lambda connection, _: connection.sendall(answer)
            return stack.enter_context(serving(done, address, port))

        yield start
