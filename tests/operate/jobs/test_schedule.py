"""When a job comes again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homefield.errors import CallError
from homefield.operate.jobs.schedule import check_schedule, next_run


@pytest.fixture
def shanghai(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def at(written: str) -> datetime:
    return datetime.fromisoformat(written)


@pytest.mark.parametrize(
    ("schedule", "after", "expected"),
    [
        ("every 90s", "2026-01-01T00:00:00+08:00", "2026-01-01T00:01:30+08:00"),
        ("every 6h", "2026-01-01T00:00:00+08:00", "2026-01-01T06:00:00+08:00"),
        ("0 3 * * *", "2026-01-01T02:59:59+08:00", "2026-01-01T03:00:00+08:00"),
        ("0 3 * * *", "2026-01-01T03:00:00+08:00", "2026-01-02T03:00:00+08:00"),
        ("*/15 9-17 * * 1-5", "2026-01-02T17:50:00+08:00", "2026-01-05T09:00:00+08:00"),
        ("30 8 1 * *", "2026-01-31T09:00:00+08:00", "2026-02-01T08:30:00+08:00"),
        ("0 0 29 2 *", "2026-01-01T00:00:00+08:00", "2028-02-29T00:00:00+08:00"),
        ("0 0 13 * 5", "2026-01-01T00:00:01+08:00", "2026-01-02T00:00:00+08:00"),
        ("0 0 * * 7", "2026-01-01T00:00:00+08:00", "2026-01-04T00:00:00+08:00"),
        ("5,10 0 * * *", "2026-01-01T00:05:00+08:00", "2026-01-01T00:10:00+08:00"),
        ("0 0/8 * * *", "2026-01-01T00:00:00+08:00", "2026-01-01T08:00:00+08:00"),
    ],
)
@pytest.mark.usefixtures("shanghai")
def test_the_next_time(schedule: str, after: str, expected: str) -> None:
    assert next_run(schedule, at(after)) == at(expected)


@pytest.mark.parametrize(
    "schedule",
    ["", "now", "every 5s", "every h", "0 3 * *", "60 * * * *", "0 24 * * *", "0 0 0 * *", "0 0 30 2 *", "*/0 * * * *",
     "5-1 * * * *", "a * * * *", "every 999999999d", "* * * * 8"],
)  # fmt: skip
def test_what_never_comes_is_refused(schedule: str) -> None:
    with pytest.raises(CallError, match="cron") as caught:
        check_schedule(schedule)
    assert caught.value.code == "jobs.bad_schedule"


def test_words_for_the_usual_ones() -> None:
    assert check_schedule(" Daily ") == "0 3 * * *"
    assert check_schedule("EVERY  6h") == "every 6h"


def test_a_time_that_the_clock_skips_comes_later_and_one_it_repeats_comes_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        moment, seen = at("2026-03-28T12:00:00+01:00"), []
        for _ in range(3):
            moment = next_run("30 2 * * *", moment)
            seen.append(moment.astimezone().isoformat(timespec="minutes"))
        assert seen == ["2026-03-29T03:30+02:00", "2026-03-30T02:30+02:00", "2026-03-31T02:30+02:00"]
        moment, seen = at("2026-10-24T12:00:00+02:00"), []
        for _ in range(2):
            moment = next_run("30 2 * * *", moment)
            seen.append(moment.astimezone().isoformat(timespec="minutes"))
        assert seen == ["2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"]
    finally:
        monkeypatch.undo()
        time.tzset()


FIELDS = st.one_of(st.just("*"), st.integers(1, 7).map(str), st.integers(2, 5).map(lambda step: f"*/{step}"))


@given(st.tuples(FIELDS, FIELDS, FIELDS, FIELDS, FIELDS), st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)))
def test_the_next_time_is_later_and_the_times_go_on(fields: tuple[str, ...], after: datetime) -> None:
    moment = after.replace(tzinfo=UTC)
    for _ in range(3):
        later = next_run(" ".join(fields), moment)
        assert later > moment
        assert later.astimezone().second == 0
        moment = later
    # A day of the year that has to be one day of the week comes after 12 years at the latest.
    assert moment - after.replace(tzinfo=UTC) < timedelta(days=3 * 12 * 366)
