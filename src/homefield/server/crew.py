"""Processes that are kept alive: one that dies is started anew, one that dies again and again ever more slowly.

Each holds a pipe from this process as its standard input, and nothing is written to it: it ends when this process is
gone, however it went, and then so do they (`leave_with_the_crew`).
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

__all__ = ["Crew", "Post", "leave_with_the_crew"]

_log = logging.getLogger("homefield.server")
_LOOK = 0.1  # seconds between looks at the processes
_YOUNG = 5.0  # one that dies younger than this is replaced more slowly than the last
_SOONEST, _SLOWEST = 0.2, 30.0
_LEAVE = 90.0  # seconds that all may take to leave


@dataclass(frozen=True)
class Post:
    """A process to be kept. module: what `python -m` runs. sockets: open there, too. environment: beside ours."""

    module: str
    arguments: Sequence[str]
    sockets: Sequence[int] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


class Crew:
    """Keeps a process at each post. buried: told the number of each that has ended."""

    def __init__(self, posts: Sequence[Post], *, buried: Callable[[int], None] = lambda _: None) -> None:
        self._held = [_Held(post, buried) for post in posts]

    def keep(self, stop: threading.Event, *, leaving: Callable[[], None] = lambda: None) -> None:
        """Until `stop` is set; all have ended when it returns. leaving: called before they are told to leave."""
        try:
            while not stop.is_set():
                for each in self._held:
                    each.look()
                time.sleep(_LOOK)  # not a wait for `stop`: a signal's handler that sets it must find its lock free
        finally:
            leaving()
            for each in self._held:
                each.tell_to_leave()
            last = time.monotonic() + _LEAVE
            for each in self._held:
                each.see_leave(last)


class _Held:
    """One post, and who is there."""

    def __init__(self, post: Post, buried: Callable[[int], None]) -> None:
        self._post, self._buried = post, buried
        self._process: subprocess.Popen[bytes] | None = None
        self._begun = self._pause = self._due = 0.0

    def look(self) -> None:
        """Start a process when there is none and it is time."""
        if self._process is not None and self._process.poll() is not None:
            facts = {"pid": self._process.pid, "code": self._process.returncode}
            self._bury(self._process)
            self._put_off(**facts)
        if self._process is None and time.monotonic() >= self._due:
            self._begun = time.monotonic()
            try:
                self._process = self._start()
            except OSError as error:  # no memory, say: there may be some later
                self._put_off(reason=error.strerror)

    def tell_to_leave(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def see_leave(self, last: float) -> None:
        """Wait until it has left; from the moment `last` on it is made to."""
        if self._process is None:
            return
        try:
            self._process.wait(max(0.0, last - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._bury(self._process)

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", self._post.module, *self._post.arguments],
            stdin=subprocess.PIPE,
            pass_fds=self._post.sockets,
            env={**os.environ, **self._post.environment},
        )

    def _put_off(self, **facts: object) -> None:
        lived = time.monotonic() - self._begun
        self._pause = min(_SLOWEST, max(_SOONEST, 2 * self._pause)) if lived < _YOUNG else 0.0
        self._due = time.monotonic() + self._pause
        told = {"process": self._post.module, **facts, "lived": round(lived, 1), "pause": self._pause}
        _log.error("worker died", extra={"facts": told})

    def _bury(self, dead: subprocess.Popen[bytes]) -> None:
        assert dead.stdin is not None
        dead.stdin.close()
        self._process = None
        self._buried(dead.pid)


def leave_with_the_crew() -> None:
    """Called first in a process of a crew: whatever it does then, it leaves when its supervisor is gone.

    It is told by SIGINT. Until it asks for that signal it is ended at once: one that still imports must not hold the
    address that the next supervisor will listen at.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_wait_for_the_end, name="homefield-supervisor", daemon=True).start()


def _wait_for_the_end() -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        os._exit(0)  # the signal would do it, but for libraries that catch it when they are imported, as polars does
    os.kill(os.getpid(), signal.SIGINT)
