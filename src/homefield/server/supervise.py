"""`homefield serve`: listens, then answers itself, or keeps workers that do; and keeps a worker for jobs beside.

All workers accept from one socket, which the supervisor opened: a connection that waits in its queue is not lost when a
worker dies, and the next one to be free takes it.
"""

from __future__ import annotations

import errno
import logging.config
import signal
import socket
import tempfile
import threading
from collections.abc import Callable
from types import FrameType

from homefield.errors import CallError, MachineError
from homefield.server.crew import Crew, Post
from homefield.server.headers import is_loopback
from homefield.server.logs import logging_config
from homefield.server.metrics import DIRECTORY
from homefield.server.run import serve_on
from homefield.server.running import check_open
from homefield.store import open_store
from homefield.workspace import Workspace

__all__ = ["listen_at", "serve"]

_MOST_WORKERS, _MOST_PORT = 256, 65_535


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
        _serve_here(listening, workspace, host=host)
    else:
        _serve_there(listening, workspace, host=host, workers=workers)


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


def _serve_here(listening: socket.socket, workspace: Workspace, *, host: str) -> None:
    """Answer in this process; a thread keeps the worker for jobs."""
    stop = threading.Event()
    crew = Crew(_jobs(workspace))
    keeping = threading.Thread(target=crew.keep, args=(stop,), name="homefield-crew")
    keeping.start()
    try:
        serve_on(listening, workspace, host=host, leaving=stop.set)
    finally:
        stop.set()
        keeping.join()


def _serve_there(listening: socket.socket, workspace: Workspace, *, host: str, workers: int) -> None:
    """Keep workers that answer."""
    logging.config.dictConfig(logging_config())
    stop = threading.Event()

    def told(number: int, frame: FrameType | None) -> None:
        del number, frame
        stop.set()

    with tempfile.TemporaryDirectory(prefix="homefield-metrics-") as folder:
        place, socket_number = str(workspace.root), str(listening.fileno())
        answers = Post(
            "homefield.server.worker",
            ("--workspace", place, "--host", host, "--workers", str(workers), "--socket", socket_number),
            sockets=(listening.fileno(),),
            environment={DIRECTORY: folder},
        )
        crew = Crew([answers] * workers + _jobs(workspace), buried=lambda number: _forget(number, folder))
        before = {each: signal.signal(each, told) for each in (signal.SIGTERM, signal.SIGINT)}
        try:
            crew.keep(stop, leaving=listening.close)
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)


def _jobs(workspace: Workspace) -> list[Post]:
    """The worker for jobs, unless the settings leave them to others."""
    if not workspace.settings.serve_jobs:
        return []
    return [Post("homefield.server.jobs", ("--workspace", str(workspace.root)))]


def _forget(number: int, folder: str) -> None:
    """Take a dead worker out of the numbers of those that live."""
    # Imported after the workers' folder of metrics is made; it reads the environment when imported.
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(number, path=folder)  # type: ignore[no-untyped-call]
