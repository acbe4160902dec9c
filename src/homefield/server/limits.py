"""What a request may weigh and how often it may come: bytes, depth of JSON, requests a second."""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from collections.abc import Callable
from math import ceil

from homefield.errors import CallError

__all__ = ["DEPTH", "Rate", "check_depth"]

DEPTH = 32
_CLIENTS = 10_000
_ROUNDING = 1e-6  # what the sums of a bucket may lose
_TOKENS = re.compile(rb'"(?:[^"\\]|\\.)*"?|[\[\]{}]', re.DOTALL)


def check_depth(body: bytes, *, most: int = DEPTH) -> None:
    """See that JSON is not nested deeper than `most`, without parsing it.

    Raises:
        CallError: `server.too_deep`.
    """
    # Counting is quick and settles it for all but the strangest bodies.
    if body.count(b"[") + body.count(b"{") <= most:
        return
    depth = 0
    for found in _TOKENS.finditer(body):
        sign = found[0]
        if sign in b"[{":
            depth += 1
            if depth > most:
                raise CallError("server.too_deep", most=most)
        elif sign in b"]}":
            depth -= 1


class Rate:
    """Requests a second by client: a bucket that fills steadily and holds two seconds' worth.

    Args:
        rate: requests a second.
        clock: seconds that never go back.
    """

    def __init__(self, rate: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._clock = rate, clock
        self._holds = max(1.0, 2.0 * rate)
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str) -> None:
        """Count one request.

        Raises:
            CallError: `server.too_often`.
        """
        moment = self._clock()
        left, since = self._buckets.pop(client, (self._holds, moment))
        left = min(self._holds, left + (moment - since) * self._rate)
        allowed = left >= 1.0 - _ROUNDING
        self._buckets[client] = (left - 1.0 if allowed else left, moment)
        if len(self._buckets) > _CLIENTS:
            self._buckets.popitem(last=False)
        if not allowed:
            raise CallError("server.too_often", seconds=max(1, ceil((1.0 - left) / self._rate)))
