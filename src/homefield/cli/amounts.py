"""Amounts as people read them: sizes, shares, spans of time."""

from __future__ import annotations

from homefield.messages import Language, text

__all__ = ["percent", "seconds", "size"]


def size(count: float) -> str:
    """Bytes as `12.3 MB` (powers of ten, as disks are sold)."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError("unreachable")


def percent(share: float | None, digits: int = 1) -> str:
    """A share as `93.2 %`; a dash when there is none."""
    return "–" if share is None or share != share else f"{share:.{digits}%}".replace("%", " %")


def seconds(span: float, language: Language = "en") -> str:
    """A span of time as `8.2 s`, `3 min 05 s` or `2 h 10 min`."""
    if span < 60:
        return text("cli.amount.seconds", language, seconds=f"{span:.1f}")
    whole = round(span)
    if whole < 3600:
        return text("cli.amount.minutes", language, minutes=whole // 60, seconds=f"{whole % 60:02d}")
    return text("cli.amount.hours", language, hours=whole // 3600, minutes=f"{whole % 3600 // 60:02d}")
