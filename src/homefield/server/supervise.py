"""`homefield serve`: listens, then answers itself, or starts workers and keeps them alive.

All workers accept from one socket, which the supervisor opened: a connection that waits in its queue is not lost when a
worker dies, and the next one to be free takes it. A worker that dies is replaced; one that dies again and again is
replaced ever more slowly.
"""

from __future__ import annotations

import errno
import logging
import logging.config
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType

from homefield.errors import CallError, MachineError
from homefield.server.headers import is_loopback
from homefield.server.logs import logging_config
from homefield.server.metrics import DIRECTORY
from homefield.server.run import serve_on
from homefield.server.running import check_open
from homefield.store import open_store
from homefield.workspace import Workspace

__all__ = ["listen_at", "serve"]

_log = logging.getLogger("homefield.server")
_MOST_WORKERS, _MOST_PORT = 256, 65_535
_LOOK = 0.1  # seconds between looks at the workers
_YOUNG = 5.0  # a worker that dies younger than this is replaced more slowly than the last
_SLOWEST = 30.0
_LEAVE = 90.0  # seconds that workers may take to leave


def serve(workspace: Workspace, *, host: str, port: int, workers: int = 1, ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT.

    ready: told the address once it is listened at.

    Raises:
        NotAllowed: `server.needs_key`.
        CallError: `server.bad_workers`, or as `listen_at`. MachineError: as `listen_at`, `open_store`.
    """
    if not 1 <= workers <= _MOST_WORKERS:
        raise CallError("server.bad_workers", got=workers, most=_MOST_WORKERS)
    with open_store(workspace) as store:
        hosts = workspace.settings.serve_hosts
        check_open(store, local=is_loopback(host) and all(map(is_loopback, hosts)), host=host)
    listening = listen_at(host, port)
    name = f"[{host}]" if ":" in host else host
    ready(f"http://{name}:{listening.getsockname()[1]}")
    if workers == 1:
        serve_on(listening, workspace, host=host)
        return
    logging.config.dictConfig(logging_config())
    with tempfile.TemporaryDirectory(prefix="homefield-metrics-") as folder:
        _Crew(listening, workspace, host=host, workers=workers, folder=folder).run()


def listen_at(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one.

    Raises:
        CallError: `server.bad_host`, `server.bad_port`. MachineError: `server.port_taken`, `server.no_port`.
    """
    if not 0 <= port <= _MOST_PORT:
        raise CallError("server.bad_port", got=port, most=_MOST_PORT)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=2_048)
    except socket.gaierror as error:
        raise CallError("server.bad_host", host=host) from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise MachineError("server.port_taken", port=port, host=host) from error
        raise MachineError("server.no_port", port=port, host=host, reason=error.strerror or error) from error
    listening.set_inheritable(True)
    return listening


@dataclass
class _Worker:
    process: subprocess.Popen[bytes]
    begun: float


class _Crew:
    """The workers."""

    def __init__(self, listening: socket.socket, workspace: Workspace, *, host: str, workers: int, folder: str) -> None:
        self._listening, self._folder, self._count = listening, folder, workers
        self._command = [
            *(sys.executable, "-m", "homefield.server.worker"),
            *("--workspace", str(workspace.root), "--host", host),
            *("--workers", str(workers), "--socket", str(listening.fileno())),
        ]
        self._workers: list[_Worker] = []
        self._stop = threading.Event()
        self._pause = 0.0

    def run(self) -> None:
        """Until SIGTERM or SIGINT."""
        before = {each: signal.signal(each, self._told) for each in (signal.SIGTERM, signal.SIGINT)}
        try:
            self._workers = [self._start() for _ in range(self._count)]
            while not self._stop.wait(_LOOK):
                self._replace()
        finally:
            self._listening.close()
            self._leave()
            for each, handler in before.items():
                signal.signal(each, handler)

    def _told(self, sig: int, frame: FrameType | None) -> None:
        del sig, frame
        self._stop.set()

    def _start(self) -> _Worker:
        process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            pass_fds=[self._listening.fileno()],
            env={**os.environ, DIRECTORY: self._folder},
        )
        return _Worker(process, time.monotonic())

    def _replace(self) -> None:
        for place, worker in enumerate(self._workers):
            code = worker.process.poll()
            if code is None:
                continue
            self._bury(worker)
            lived = time.monotonic() - worker.begun
            self._pause = min(_SLOWEST, max(0.2, 2 * self._pause)) if lived < _YOUNG else 0.0
            facts = {"pid": worker.process.pid, "code": code, "lived": round(lived, 1), "pause": self._pause}
            _log.error("worker died", extra={"facts": facts})
            if not self._stop.wait(self._pause):
                self._workers[place] = self._start()

    def _leave(self) -> None:
        for worker in self._workers:
            if worker.process.poll() is None:
                worker.process.terminate()
        last = time.monotonic() + _LEAVE
        for worker in self._workers:
            try:
                worker.process.wait(max(0.0, last - time.monotonic()))
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()
            self._bury(worker)

    def _bury(self, worker: _Worker) -> None:
        # Imported after the workers' folder of metrics is made; it reads the environment when imported.
        from prometheus_client.multiprocess import mark_process_dead

        if worker.process.stdin is not None:
            worker.process.stdin.close()
        mark_process_dead(worker.process.pid, path=self._folder)  # type: ignore[no-untyped-call]
