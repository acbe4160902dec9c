"""A real server in a thread, whose customer services answer by rules."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import uvicorn

from homefield.server import create_app
from homefield.workspace import Workspace

from ..apps.support.rules import RuleAssistants

__all__ = ["Talking", "talking"]


class Talking:
    """client: calls it. assistants: what answers there."""

    def __init__(self, workspace: Workspace, assistants: RuleAssistants, url: str) -> None:
        self.workspace, self.assistants, self.url = workspace, assistants, url
        self.client = httpx.Client(base_url=url, timeout=30)


@contextmanager
def talking(workspace: Workspace, *names: str) -> Iterator[Talking]:
    """Serve these customer services on a free port until the block ends."""
    assistants = RuleAssistants(*names)
    app = create_app(workspace, assistants=assistants)
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False, lifespan="on", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    made = Talking(workspace, assistants, f"http://127.0.0.1:{listening.getsockname()[1]}")
    try:
        while not server.started:
            time.sleep(0.01)
        yield made
    finally:
        made.client.close()
        server.should_exit = True
        thread.join(30)
        listening.close()
