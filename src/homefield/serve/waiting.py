"""Calls that wait for the network, and which of their texts go next. No thread, no clock: `homefield.serve.batcher`
drives it.

A batch holds texts of one model group up to a budget of tokens. It begins with the oldest waiting text, so that nothing
starves, and takes along those of a small window whose length is nearest to it, so that little is padded. Interactive
calls go before bulk ones, which get every fourth batch when both wait.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal

__all__ = ["LANES", "Call", "Lane", "Piece", "Waiting"]

Lane = Literal["interactive", "bulk"]
LANES: tuple[Lane, ...] = ("interactive", "bulk")
_BULK_EVERY = 4


@dataclass(eq=False, slots=True)
class Call:
    """Texts asked at once; answered in one batch or several.

    group: who answers; calls of one group may share a batch. sizes: tokens of each item, about. deadline: on the
    batcher's clock. client: whose quota it counts against; None counts against nobody's. note: the caller's own.
    results: of each item, once there. left: items without a result. gone: nobody waits for it any more.
    """

    group: Hashable
    items: Sequence[Any]
    sizes: Sequence[int]
    lane: Lane = "interactive"
    deadline: float = float("inf")
    client: str | None = None
    note: Any = None
    results: list[Any] = field(default_factory=list)
    taken: set[int] = field(default_factory=set)
    left: int = 0
    gone: bool = False

    def __post_init__(self) -> None:
        self.results = [None] * len(self.items)
        self.left = len(self.items)

    @property
    def waiting(self) -> int:
        """Tokens of the items that no batch has taken yet."""
        if not self.taken:
            return sum(self.sizes)
        return sum(size for place, size in enumerate(self.sizes) if place not in self.taken)


@dataclass(frozen=True, slots=True)
class Piece:
    """One item of a call."""

    call: Call
    place: int

    @property
    def size(self) -> int:
        """Its tokens."""
        return self.call.sizes[self.place]


class Waiting:
    """Calls in the order they came, by lane. Not safe to use from several threads at once.

    Args:
        budget: tokens of a batch; a single longer text makes a batch of its own.
        window: items looked at for a batch.
    """

    def __init__(self, *, budget: int = 2_048, window: int = 256) -> None:
        self._budget, self._window = budget, window
        self._lanes: dict[Lane, deque[Call]] = {lane: deque() for lane in LANES}
        self._tokens: dict[Lane, int] = dict.fromkeys(LANES, 0)
        self._clients: dict[str, int] = {}
        self._since_bulk = 0

    def __bool__(self) -> bool:
        return any(self._lanes.values())

    def tokens(self, lane: Lane | None = None) -> int:
        """Tokens that wait, in one lane or in all."""
        return sum(self._tokens.values()) if lane is None else self._tokens[lane]

    def tokens_of(self, client: str) -> int:
        """Tokens that one client has waiting."""
        return self._clients.get(client, 0)

    def calls(self) -> int:
        """Calls of which something waits."""
        return sum(map(len, self._lanes.values()))

    def put(self, call: Call) -> None:
        """Queue a call."""
        self._lanes[call.lane].append(call)
        self._count(call, call.waiting)

    def drop(self, call: Call) -> None:
        """Forget what still waits of a call."""
        call.gone = True
        if call in (lane := self._lanes[call.lane]):
            lane.remove(call)
            self._count(call, -call.waiting)

    def expired(self, now: float) -> list[Call]:
        """Calls whose deadline has passed, dropped from the queue."""
        late = [call for lane in self._lanes.values() for call in lane if call.deadline <= now]
        for call in late:
            self.drop(call)
        return late

    def take(self) -> list[Piece]:
        """The next batch; empty when nothing waits."""
        lane = self._turn()
        if lane is None:
            return []
        oldest = self._lanes[lane][0]
        seen = list(islice(self._pieces(lane, oldest.group), self._window))
        first = seen[0]
        batch, tokens = [first], first.size
        for piece in sorted(seen[1:], key=lambda one: abs(one.size - first.size)):
            tokens += piece.size
            if tokens > self._budget:
                break
            batch.append(piece)
        for piece in batch:
            self._count(piece.call, -piece.size)
            piece.call.taken.add(piece.place)
        for call in {piece.call for piece in batch}:
            if len(call.taken) == len(call.items):
                self._lanes[lane].remove(call)
        return batch

    def _turn(self) -> Lane | None:
        now, later = (self._lanes[lane] for lane in LANES)
        if not later:
            self._since_bulk = 0
            return "interactive" if now else None
        self._since_bulk += 1
        if now and self._since_bulk < _BULK_EVERY:
            return "interactive"
        self._since_bulk = 0
        return "bulk"

    def _pieces(self, lane: Lane, group: Hashable) -> Iterator[Piece]:
        for call in self._lanes[lane]:
            if call.group is group or call.group == group:
                yield from (Piece(call, place) for place in range(len(call.items)) if place not in call.taken)

    def _count(self, call: Call, tokens: int) -> None:
        self._tokens[call.lane] += tokens
        if call.client is not None:
            left = self._clients.get(call.client, 0) + tokens
            if left:
                self._clients[call.client] = left
            else:
                self._clients.pop(call.client, None)
