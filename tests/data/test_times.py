from __future__ import annotations

from datetime import datetime

import polars as pl
import pytest

from homefield.data.times import parse_times


@pytest.mark.parametrize(
    ("written", "time"),
    [
        ("2024-03-05", datetime(2024, 3, 5)),
        ("2024-3-5 8:07", datetime(2024, 3, 5, 8, 7)),
        ("2024/3/5 08:07:09", datetime(2024, 3, 5, 8, 7, 9)),
        ("2024-03-05T08:07:09.250", datetime(2024, 3, 5, 8, 7, 9, 250_000)),
        ("2024-03-05T08:07:09Z", datetime(2024, 3, 5, 8, 7, 9)),
        ("2024-03-05 08:07:09+08:00", datetime(2024, 3, 5, 0, 7, 9)),
        ("2024-03-05T08:07:09-0330", datetime(2024, 3, 5, 11, 37, 9)),
        ("2024年3月5日", datetime(2024, 3, 5)),
        ("2024年3月5日 8时7分9秒", datetime(2024, 3, 5, 8, 7, 9)),
        ("2024年3月5日 8时7分", datetime(2024, 3, 5, 8, 7)),
        ("2024.03.05", datetime(2024, 3, 5)),
        ("05.03.2024 08:07", datetime(2024, 3, 5, 8, 7)),
        ("3/5/2024", datetime(2024, 3, 5)),
        ("20240305", datetime(2024, 3, 5)),
        ("2024-03", datetime(2024, 3, 1)),
        ("1709626029", datetime(2024, 3, 5, 8, 7, 9)),
        ("1709626029000", datetime(2024, 3, 5, 8, 7, 9)),
        ("yesterday", None),
        ("2024-13-45", None),
        ("", None),
        ("12", None),
    ],
)
def test_times_as_tables_hold_them(written: str, time: datetime | None) -> None:
    assert parse_times(pl.Series([written])).to_list() == [time]


def test_a_column_may_mix_them_and_hold_nulls() -> None:
    times = parse_times(pl.Series("time", ["2024-03-05", None, "1709626029", "?"]))
    assert times.dtype == pl.Datetime("us")
    assert times.to_list() == [datetime(2024, 3, 5), None, datetime(2024, 3, 5, 8, 7, 9), None]
