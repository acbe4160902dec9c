"""Rows that a command of customer service left out: how many, which, and why."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from homefield.cli.face import Face

if TYPE_CHECKING:
    from homefield.apps.support.columns import Account, Rejected

__all__ = ["left_out", "rows_left_out"]

_SHOWN = 5  # row numbers of one reason


def left_out(accounts: Iterable[Account], face: Face) -> list[str]:
    """A sentence for each file and reason, with the first rows; the reason as the first of them has it."""
    sentences = []
    for account in accounts:
        alike: dict[str, list[Rejected]] = {}
        for each in account.rejected:
            alike.setdefault(each.reason, []).append(each)
        for found in alike.values():
            rows = ", ".join(str(each.row) for each in found[:_SHOWN]) + (", …" if len(found) > _SHOWN else "")
            why = found[0].sentence(face.language)
            sentences.append(
                face.say("support.left_out", file=account.path.name, count=f"{len(found):,}", rows=rows, why=why)
            )
    return sentences


def rows_left_out(accounts: Iterable[Account], face: Face) -> list[dict[str, object]]:
    """Each row with its file and reason, plain."""
    return [
        {"file": account.path.name, "row": each.row, "why": each.sentence(face.language)}
        for account in accounts
        for each in account.rejected
    ]
