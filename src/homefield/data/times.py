"""Points in time from whatever a table holds: ISO dates, Chinese dates, slashes, Unix seconds or milliseconds."""

from __future__ import annotations

import polars as pl

__all__ = ["parse_times"]

_FORMATS = (
    "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%m-%d-%Y %H:%M:%S",
    "%m-%d-%Y %H:%M",
)  # fmt: skip
_DATES = ("%Y-%m-%d", "%Y%m%d", "%d.%m.%Y", "%m-%d-%Y")
_SECONDS = (1e8, 4e9)  # Unix times between 1973 and 2096; a thousand times as much is milliseconds, and so on


def parse_times(values: pl.Series) -> pl.Series:
    """Times as Datetime (microseconds, UTC where a zone was given), null where they cannot be read.

    A date with two numbers before the year is read as month-day-year with slashes or dashes, day-month-year with dots.
    """
    plain = (
        values.cast(pl.String)
        .str.strip_chars()
        .str.replace(r"^(\d{4})\s*年\s*(\d{1,2})\s*月\s*(\d{1,2})\s*日?\s*", "$1-$2-$3 ")
        .str.replace(r"(\d{1,2})\s*[时点]\s*(\d{1,2})\s*分?\s*(\d{0,2})\s*秒?", "$1:$2:$3")
        .str.strip_chars(" :")
        .str.replace(r"^(\S+ \d{1,2})$", "$1:00")
        .str.replace(r"^(\d{1,4})/(\d{1,2})/(\d{1,4})", "$1-$2-$3")
        .str.replace(r"^(\d{4})-(\d{1,2})$", "$1-$2-01")
        .str.replace(r"^(\d{4})\.(\d{1,2})\.(\d{1,2})", "$1-$2-$3")
    )
    zone = plain.str.extract(r"(Z|[+-]\d{2}:?\d{2})$")
    zoned = zone.is_not_null() & plain.str.contains(r"\d:\d{2}")
    local = pl.select(
        pl.when(zoned).then(plain.str.replace(r"\s*(Z|[+-]\d{2}:?\d{2})$", "")).otherwise(plain)
    ).to_series()
    local = local.str.replace(r"^(\S+?\d)T(\d)", "$1 $2")
    result = pl.Series(values.name, [None] * len(values), dtype=pl.Datetime("us"))
    for pattern in _FORMATS:
        result = result.fill_null(local.str.to_datetime(pattern, strict=False, time_unit="us"))
    for pattern in _DATES:
        result = result.fill_null(local.str.to_date(pattern, strict=False).cast(pl.Datetime("us")))
    result = result.fill_null(_unix(local))
    return result - pl.select(pl.when(zoned).then(_offset(zone)).otherwise(pl.duration())).to_series()


def _unix(values: pl.Series) -> pl.Series:
    numbers = values.cast(pl.Float64, strict=False)
    expression = pl.lit(None, dtype=pl.Int64)
    for factor in (1, 1_000, 1_000_000):
        low, high = _SECONDS[0] * factor, _SECONDS[1] * factor
        scaled = (numbers * (1_000_000 / factor)).round(0).cast(pl.Int64, strict=False)
        expression = pl.when(numbers.is_between(low, high)).then(scaled).otherwise(expression)
    return pl.select(expression).to_series().cast(pl.Datetime("us"))


def _offset(zone: pl.Series) -> pl.Series:
    """`+08:00` as a duration."""
    sign = pl.select(pl.when(zone.str.starts_with("-")).then(-1).otherwise(1)).to_series()
    digits = zone.str.replace_all(r"[^0-9]", "").str.zfill(4)
    minutes = digits.str.head(2).cast(pl.Int64, strict=False) * 60 + digits.str.tail(2).cast(pl.Int64, strict=False)
    return pl.select(pl.duration(minutes=pl.lit(minutes.fill_null(0) * sign))).to_series()
