"""What one worker holds while it serves: the store, open models, the batcher, who may call; opened and closed once."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Hashable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from homefield.apps.support.assistants import Assistants
from homefield.apps.support.desks import Desks
from homefield.apps.support.opened import open_assistants
from homefield.bundle.registry import Registry
from homefield.errors import HomefieldError, MachineError, NotAllowed
from homefield.operate.uploads import sweep
from homefield.serve.batcher import Batcher, Bounds
from homefield.serve.machine import physical_cores
from homefield.server.counter import Counter
from homefield.server.headers import Hosts, is_loopback
from homefield.server.identity import Guests
from homefield.server.limits import Rate
from homefield.server.metrics import Metrics
from homefield.server.opened import answer_all
from homefield.server.pulse import Pulse
from homefield.server.questions import Keeper
from homefield.server.shelf import Shelf
from homefield.server.turn import Turn
from homefield.store import Store, artifacts_of, open_store
from homefield.store import keys as stored_keys
from homefield.workspace import Workspace

__all__ = ["Running", "check_open"]

_IDLE_LOOKS = 60  # looks at the revisions between two looks for conversations that are quiet for too long
_WATCH = 1.0  # seconds between looks at the revisions when nobody asks
_SWEEP = 3_600.0  # seconds between looks for uploads that were never finished
_UNFINISHED = timedelta(days=1)


class Running:
    """The state of one worker.

    Args:
        workspace: whose models, and whose settings.
        host: the address listened on.
        workers: how many share this machine.
        assistants: the customer services to talk to; those of the workspace by default.

    Raises:
        NotAllowed: `server.needs_key`. CallError, MachineError: as `homefield.store.open_store`.
    """

    def __init__(
        self,
        workspace: Workspace,
        *,
        host: str = "127.0.0.1",
        workers: int = 1,
        assistants: Assistants | None = None,
    ) -> None:
        self.workspace, self.settings, self.workers = workspace, workspace.settings, workers
        self.store: Store = open_store(workspace)
        self.artifacts = artifacts_of(workspace)
        self.hosts = Hosts(host, self.settings.serve_hosts, self.settings.serve_origins)
        self.local = is_loopback(host) and all(map(is_loopback, self.settings.serve_hosts))
        check_open(self.store, local=self.local, host=host)
        self.metrics = Metrics()
        self.guests = Guests(self.store)
        self.threads = self.settings.threads or max(1, physical_cores() // workers)
        self.shelf = Shelf(Registry(self.store, self.artifacts), threads=self.threads, most=self.settings.serve_models)
        opened = assistants or open_assistants(
            workspace, self.store, threads=self.threads, sessions=self.shelf.sessions
        )
        self.desks = Desks(workspace, self.store, opened)
        self.counter = Counter(opened)
        self.pulse = Pulse(
            self.store,
            lambda told: self.guests.renew(told.get("keys", 0)),
            self.shelf.hear,
            self.desks.assistants.hear,
            self._hear_events,
        )
        keeper = Keeper(self.store, texts=self.settings.keep_texts, metrics=self.metrics)
        self.batcher = Batcher(self._answer, keeper, bounds=Bounds(seconds=self.settings.serve_wait))
        self.turn = Turn()
        self.draining = asyncio.Event()
        self.happened = asyncio.Condition()
        self.last_event = 0
        self.streams = 0
        self.guesses = Rate(1.0)
        self.judging = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self._opening: asyncio.Task[None] | None = None
        self._notices: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Start, in the running event loop; models are opened meanwhile."""
        self.batcher.open()
        self.turn.open()
        self._opening = asyncio.create_task(self.counter.open_all())
        self._tasks = [self._opening, *map(asyncio.create_task, (self._watching(), self._sweeping()))]

    async def close(self) -> None:
        """Answer what waits, then let everything go."""
        await self.drain()
        await self.batcher.close()
        for each in self._tasks:
            each.cancel()
        self.turn.close()
        self.shelf.close()
        self.counter.close()
        self.pulse.close()
        self.store.close()

    async def drain(self) -> None:
        """Be unready from now on, and end the streams."""
        self.draining.set()
        async with self.happened:
            self.happened.notify_all()

    def full(self) -> MachineError | None:
        """Why no model can be asked anything more now; None where it can."""
        return self.batcher.full() or self.turn.full()

    async def unready(self) -> list[HomefieldError]:
        """Why calls should go elsewhere; nothing when they may come."""
        reasons: list[HomefieldError] = []
        if self.draining.is_set():
            reasons.append(MachineError("serve.closing"))
        try:
            await self.pulse.feel()
        except MachineError as error:
            return [*reasons, error]
        if self.shelf.opening or (self._opening is not None and not self._opening.done()):
            reasons.append(MachineError("server.opening"))
        named = {one.name for one in self.shelf.open_models}
        reasons += [error for name, error in self.shelf.failures.items() if name not in named]
        if (full := self.batcher.full()) is not None:
            reasons.append(full)
        return reasons

    def _answer(self, group: Hashable, asks: Sequence[Any]) -> Sequence[Any]:
        del group
        begun = time.perf_counter()
        found = answer_all(asks)
        self.metrics.batch_seconds.observe(time.perf_counter() - begun)
        self.metrics.batch_texts.observe(len(asks))
        return found

    def _hear_events(self, told: Mapping[str, int]) -> None:
        found = told.get("events", 0)
        if found > self.last_event:
            self.last_event = found
            notice = asyncio.create_task(self._tell())
            self._notices.add(notice)
            notice.add_done_callback(self._notices.discard)

    async def _tell(self) -> None:
        async with self.happened:
            self.happened.notify_all()

    async def _watching(self) -> None:
        for look in itertools.count():
            with suppress(MachineError):  # told at the next request, and by /readyz
                await self.pulse.feel()
            self.metrics.waiting.set(self.batcher.load.waiting)
            self.metrics.models.set(len(self.shelf.open_models))
            if look % _IDLE_LOOKS == _IDLE_LOOKS - 1:
                with suppress(MachineError):
                    await self.counter.do(self.desks.close_idle)
            await asyncio.sleep(_WATCH)

    async def _sweeping(self) -> None:
        """Delete uploads that were never finished."""
        while True:
            with suppress(HomefieldError):  # another worker swept, or the store is away: the next time does it
                await asyncio.to_thread(sweep, self.store, self.artifacts, older=_UNFINISHED)
            await asyncio.sleep(_SWEEP)


def check_open(store: Store, *, local: bool, host: str) -> None:
    """See that others than this machine can only call when there is a key.

    Raises:
        NotAllowed: `server.needs_key`.
    """
    if local:
        return
    with store.read() as transaction:
        if not stored_keys.any_key(transaction):
            raise NotAllowed("server.needs_key", host=host)
