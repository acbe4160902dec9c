"""A machine's cores, shared by the passes through its networks: a pass alone has them all, several have one each.

ONNX Runtime's threads wait for each other awake, at each of a network's 150 operators, so that several threads for one
pass are a loss as soon as anything else wants a core. An int8 minilm-en takes 0.86 ms for a text of 20 tokens with one
thread and 0.63 ms with two; on two busy cores 32 such texts took 59 ms by two threads in one pass, and 32 ms by a pass
for each half (docs/decisions/0022).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

__all__ = ["Cores"]

Item = TypeVar("Item")
Found = TypeVar("Found")


class Cores:
    """`count` cores. Safe to use from several threads."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._lock = threading.Lock()
        self._passes = 0
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="pass")  # starts no thread before one is needed

    @contextmanager
    def taken(self) -> Iterator[bool]:
        """For as long as a pass takes; tells whether it has every core to itself."""
        with self._lock:
            alone = self._passes == 0
            self._passes += 1
        try:
            yield alone
        finally:
            with self._lock:
                self._passes -= 1

    def each(self, function: Callable[[Item], Found], items: Sequence[Item]) -> list[Found]:
        """`function` of every item, in order; of several items beside each other, no more at once than there are cores.

        Passes within it then have one core each.
        """
        if len(items) == 1 or self.count == 1:
            return [function(item) for item in items]
        with self.taken():
            return list(self._pool.map(function, items))
