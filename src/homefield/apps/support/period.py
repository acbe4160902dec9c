"""The last part of a log: what was said long ago is no measure of what is asked now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from homefield.apps.support.dialogues import Dialogue
from homefield.data.times import parse_times

__all__ = ["Period", "recent"]


@dataclass(frozen=True)
class Period:
    """When dialogues began, as far as their times can be read. older: how many were left out for being before it."""

    first: datetime | None
    last: datetime | None
    older: int


def recent(dialogues: Sequence[Dialogue], days: int | None) -> tuple[tuple[Dialogue, ...], Period]:
    """The dialogues of the `days` before the latest one; all of them for None. One without a readable time is kept."""
    times = parse_times(pl.Series([dialogue.time for dialogue in dialogues], dtype=pl.String)).to_list()
    known = [time for time in times if time is not None]
    if not known:
        return tuple(dialogues), Period(None, None, 0)
    since = min(known) if days is None else max(known) - timedelta(days=days)
    kept = tuple(d for d, time in zip(dialogues, times, strict=True) if time is None or time >= since)
    return kept, Period(min(time for time in known if time >= since), max(known), len(dialogues) - len(kept))
