"""When a job comes again: `every 6h`, or the five fields of cron (`0 3 * * 1-5`) in this machine's time zone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from homefield.errors import CallError

__all__ = ["check_schedule", "next_run"]

_EVERY = re.compile(r"every\s+(\d{1,6})\s*(s|min|h|d)")
_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400}
_LEAST_SECONDS = 10
_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))  # minute, hour, day, month, day of the week (0 and 7: Sunday)
_PART = re.compile(r"(?:\*|(\d{1,2})(?:-(\d{1,2}))?)(?:/(\d{1,2}))?")
_YEARS = 8  # the longest gap of a date that comes again: 29 February around 2100
_NICKNAMES = {"hourly": "0 * * * *", "daily": "0 3 * * *", "weekly": "0 3 * * 1", "monthly": "0 3 1 * *"}


@dataclass(frozen=True)
class _Cron:
    minutes: Sequence[int]
    hours: Sequence[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool  # both kinds of day are named: one of them is enough

    def falls_on(self, day: datetime) -> bool:
        """Whether it comes on this day at all."""
        of_month, of_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return day.month in self.months and ((of_month or of_week) if self.either_day else (of_month and of_week))


def check_schedule(schedule: str) -> str:
    """`schedule` in one form, when there will be a next time.

    Raises:
        CallError: `jobs.bad_schedule`.
    """
    plain = " ".join(schedule.lower().split())
    plain = _NICKNAMES.get(plain, plain)
    next_run(plain, datetime.now(UTC))
    return plain


def next_run(schedule: str, after: datetime) -> datetime:
    """The first moment behind `after` (with a zone) that `schedule` names, in UTC.

    Raises:
        CallError: `jobs.bad_schedule`.
    """
    if found := _EVERY.fullmatch(schedule):
        seconds = int(found[1]) * _SECONDS[found[2]]
        if seconds < _LEAST_SECONDS:
            raise CallError("jobs.bad_schedule", given=schedule)
        return after.astimezone(UTC) + timedelta(seconds=seconds)
    return _next_by_cron(_parsed(schedule), after, schedule)


def _parsed(schedule: str) -> _Cron:
    fields = schedule.split()
    if len(fields) != len(_RANGES):
        raise CallError("jobs.bad_schedule", given=schedule)
    minutes, hours, days, months, weekdays = (
        _values(field, low, high, schedule) for field, (low, high) in zip(fields, _RANGES, strict=True)
    )
    return _Cron(
        sorted(minutes),
        sorted(hours),
        frozenset(days),
        frozenset(months),
        frozenset(day % 7 for day in weekdays),
        either_day=not fields[2].startswith("*") and not fields[4].startswith("*"),
    )


def _values(field: str, low: int, high: int, schedule: str) -> set[int]:
    values: set[int] = set()
    for part in field.split(","):
        found = _PART.fullmatch(part)
        if found is None:
            raise CallError("jobs.bad_schedule", given=schedule)
        first = low if found[1] is None else int(found[1])
        step = 1 if found[3] is None else int(found[3])
        last = int(found[2]) if found[2] else (first if found[1] and found[3] is None else high)
        if not low <= first <= last <= high or step < 1:
            raise CallError("jobs.bad_schedule", given=schedule)
        values.update(range(first, last + 1, step))
    return values


def _next_by_cron(cron: _Cron, after: datetime, schedule: str) -> datetime:
    """Day by day on the wall clock; a time that the clock skips comes an hour later, one it repeats comes once."""
    wall = after.astimezone().replace(tzinfo=None, second=0, microsecond=0)
    day = wall.replace(hour=0, minute=0)
    for _ in range(_YEARS * 366):
        if cron.falls_on(day):
            for hour in cron.hours:
                for minute in cron.minutes:
                    moment = day.replace(hour=hour, minute=minute)
                    if moment > wall and (found := datetime.fromtimestamp(moment.timestamp(), UTC)) > after:
                        return found
        day += timedelta(days=1)
    raise CallError("jobs.bad_schedule", given=schedule)
