"""Micro-batching: many callers of an event loop, one network, no waiting for company.

Whatever waits when the network is free makes the next batch; when nothing waits, the first text to come goes at once.
Two threads ask the network, so that one reads and decides while the other's batch is in the network; a third keeps what
was answered (one transaction a batch, or several batches in one when the disk is slow). A call is admitted when it can
be answered before its deadline, by the measured time of a token; else it is refused at once, so that an overloaded
server spends its time on what it can still answer.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from homefield.errors import CallError, MachineError
from homefield.serve.waiting import Call, Lane, Piece, Waiting

__all__ = ["Batcher", "Bounds", "Load", "about_tokens"]

Answer = Callable[[Hashable, Sequence[Any]], Sequence[Any]]
Keep = Callable[[Sequence[Call]], None]


@dataclass(frozen=True)
class Bounds:
    """What may wait.

    budget: tokens of a batch. window: texts looked at for one. seconds: longest time the waiting work may take.
    share: of that time, for one client. tokens: most that may wait whatever the speed. kept: batches that may wait to
    be kept.
    """

    budget: int = 2_048
    window: int = 256
    seconds: float = 5.0
    share: float = 0.5
    tokens: int = 2_000_000
    kept: int = 4


@dataclass(frozen=True)
class Load:
    """How busy the network is. waiting: tokens. seconds: that they take. calls: waiting. batches, texts: done."""

    waiting: int
    seconds: float
    calls: int
    batches: int
    texts: int


class _Caught:
    """Keeps whatever a block raises for those who wait for its result: a thread that died of it would let them wait."""

    error: Exception | None = None

    def __enter__(self) -> _Caught:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> bool:
        if not isinstance(error, Exception):
            return False
        self.error = error
        return True


def _nothing(calls: Sequence[Call]) -> None:
    del calls


class Batcher:
    """Answers calls in batches; `open` on a running event loop, `close` before it ends.

    Args:
        answer: what the network says of some items of one group, in order; called in either of two threads.
        keep: what is to be done with calls before they are told their answers, called with those that a batch
            completed, in a thread of its own; when it raises, they all get that error.
        bounds: how much may wait.
        threads: that ask the network beside each other.
        clock: seconds that never go back.
    """

    def __init__(
        self,
        answer: Answer,
        keep: Keep = _nothing,
        *,
        bounds: Bounds | None = None,
        threads: int = 2,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.bounds = bounds or Bounds()
        self._answer, self._keep, self._clock, self._beside = answer, keep, clock, threads
        self._waiting = Waiting(budget=self.bounds.budget, window=self.bounds.window)
        self._done: deque[list[Call]] = deque()
        self._lock = threading.Lock()
        self._work, self._finished = threading.Condition(self._lock), threading.Condition(self._lock)
        self._futures: dict[Call, asyncio.Future[None]] = {}
        self._running = self._batches = self._texts = 0
        self._per_token, self._ended = 1e-4, 0.0
        self._closing = False
        self._threads: list[threading.Thread] = []

    def open(self) -> None:
        """Start the threads."""
        self._loop = asyncio.get_running_loop()
        for name, target in (*self._beside * (("network", self._run),), ("keeper", self._run_keeper)):
            self._threads.append(threading.Thread(target=target, name=f"homefield-{name}", daemon=True))
            self._threads[-1].start()

    async def close(self) -> None:
        """Answer what waits, then stop; new calls are refused."""
        with self._lock:
            self._closing = True
            self._work.notify_all()
            self._finished.notify_all()
        for thread in self._threads:
            await asyncio.to_thread(thread.join)
        self._threads.clear()

    @property
    def load(self) -> Load:
        """How busy the network is now."""
        waiting = self._waiting.tokens()
        return Load(waiting, waiting * self._per_token, self._waiting.calls(), self._batches, self._texts)

    def full(self) -> MachineError | None:
        """Why even the smallest call would be refused now, without looking at it; None when it would not."""
        over = self._ahead("interactive") * self._per_token - self.bounds.seconds
        if over < 0 and self._waiting.tokens() < self.bounds.tokens:
            return None
        return MachineError("serve.overloaded", seconds=max(1, math.ceil(over)))

    async def ask(
        self,
        group: Hashable,
        items: Sequence[Any],
        sizes: Sequence[int],
        *,
        lane: Lane = "interactive",
        seconds: float = 30.0,
        client: str | None = None,
        note: Any = None,
    ) -> list[Any]:
        """The answers to `items`, in order. Cancelled, what still waits of them is dropped.

        Args:
            group: who answers; equal groups share batches.
            sizes: tokens of each item, about.
            lane: whether a person waits.
            seconds: until the answers are no longer wanted.
            client: whose quota it is.
            note: what `keep` finds on the call.

        Raises:
            CallError: `serve.over_quota`.
            MachineError: `serve.overloaded`, `serve.too_late`, `serve.closing`; and whatever answering or keeping
                raises.
        """
        if not items:
            return []
        call = Call(group, items, sizes, lane, self._clock() + seconds, client, note)
        future = self._loop.create_future()
        with self._lock:
            self._admit(call, seconds)
            self._futures[call] = future
            self._waiting.put(call)
            self._work.notify()
        try:
            async with asyncio.timeout(seconds):
                await future
        except TimeoutError:
            raise MachineError("serve.too_late") from None
        finally:
            if not future.done() or future.cancelled():
                with self._lock:
                    self._waiting.drop(call)
                    self._futures.pop(call, None)
        return call.results

    def _admit(self, call: Call, seconds: float) -> None:
        if self._closing:
            raise MachineError("serve.closing")
        bounds, size = self.bounds, sum(call.sizes)
        ahead = self._ahead(call.lane)
        if call.client is not None and (mine := self._waiting.tokens_of(call.client)):
            most = min(bounds.tokens, bounds.seconds / self._per_token) * bounds.share
            if mine + size > most:
                raise CallError("serve.over_quota", seconds=max(1, math.ceil((mine + size - most) * self._per_token)))
        # A call that finds nothing waiting is taken whatever its size: it could never be answered otherwise.
        over = (ahead + size) * self._per_token - bounds.seconds
        if ahead and (over > 0 or self._waiting.tokens() + size > bounds.tokens):
            raise MachineError("serve.overloaded", seconds=max(1, math.ceil(over)))
        late = ahead * self._per_token - seconds
        if late > 0:
            raise MachineError("serve.overloaded", seconds=max(1, math.ceil(late)))

    def _ahead(self, lane: Lane) -> float:
        """Tokens that go before a new call of this lane, about."""
        if lane == "bulk":
            return self._running + self._waiting.tokens()
        # Bulk calls take every fourth batch as long as there are some.
        now, later = self._waiting.tokens("interactive"), self._waiting.tokens("bulk")
        return self._running + now + min(later, now / 3)

    def _run(self) -> None:
        while True:
            with self._lock:
                while not self._waiting and not self._closing:
                    self._work.wait()
                late = self._waiting.expired(self._clock())
                batch = self._waiting.take()
                tokens = sum(piece.size for piece in batch)
                self._running += tokens
                stop = self._closing and not batch
            if late:
                self._tell(late, MachineError("serve.too_late"))
            if stop:
                return
            if batch:
                self._answer_batch(batch, tokens)

    def _answer_batch(self, batch: list[Piece], tokens: int) -> None:
        begun = self._clock()
        found: Sequence[Any] = ()
        with _Caught() as caught:
            found = self._answer(batch[0].call.group, [piece.call.items[piece.place] for piece in batch])
        if caught.error is not None:
            self._tell(list({piece.call for piece in batch}), caught.error)
        with self._lock:
            self._running -= tokens
            if caught.error is not None:
                return
            # Of two batches beside each other the later one took what it took longer.
            ended, before = self._clock(), self._ended
            taken, self._ended = (ended - max(begun, before)) / max(1, tokens), ended
            self._per_token += 0.2 * (taken - self._per_token) if self._batches else taken - self._per_token
            self._batches += 1
            self._texts += len(batch)
            complete = []
            for piece, result in zip(batch, found, strict=True):
                call = piece.call
                call.results[piece.place] = result
                call.left -= 1
                if call.left == 0 and not call.gone:
                    complete.append(call)
            if complete:
                self._done.append(complete)
                self._finished.notify_all()
            # What is answered but not kept is held in memory: the network waits when keeping falls far behind.
            while len(self._done) > self.bounds.kept:
                self._finished.wait()

    def _run_keeper(self) -> None:
        network = self._threads[: self._beside]
        while True:
            with self._lock:
                while not self._done:
                    if self._closing and not any(thread.is_alive() for thread in network):
                        return
                    self._finished.wait(0.05 if self._closing else None)
                calls = [call for some in self._done for call in some]
                self._done.clear()
                self._finished.notify_all()
            with _Caught() as caught:
                self._keep(calls)
            self._tell(calls, caught.error)

    def _tell(self, calls: list[Call], failure: Exception | None) -> None:
        """Wake the callers, from another thread."""
        with self._lock:
            if failure is not None:
                for call in calls:
                    self._waiting.drop(call)
            futures = [future for call in calls if (future := self._futures.pop(call, None)) is not None]
        self._loop.call_soon_threadsafe(_settle, futures, failure)


def about_tokens(text: str) -> int:
    """Tokens of a text, about, without reading it: a quarter of its letters, or each sign where they are Chinese."""
    return 3 + (len(text) // 4 if text.isascii() else len(text) * 3 // 4)


def _settle(futures: list[asyncio.Future[None]], failure: Exception | None) -> None:
    for future in futures:
        if future.done():
            continue
        if failure is None:
            future.set_result(None)
        else:
            future.set_exception(failure)
