"""A text as a cell of a table that people open: never run as a formula.

Excel, WPS and LibreOffice run a cell of a CSV file that begins like a formula (OWASP, "CSV Injection"). Whatever writes
such a table passes every cell through `safe_cell`.
"""

from __future__ import annotations

from typing import TypeVar

__all__ = ["safe_cell"]

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_INVISIBLE = " \u00a0\u200b\u200c\u200d\u2060\u3000\ufeff"  # some programs drop these before they look

Cell = TypeVar("Cell")


def safe_cell(value: Cell) -> Cell | str:
    """`value`; a text that a table program would take for a formula gets a `'` before it, which it shows as text."""
    if isinstance(value, str) and value.lstrip(_INVISIBLE).startswith(_FORMULA):
        return f"'{value}"
    return value
