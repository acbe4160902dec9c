"""What people decide on the answers proposed to them, in the file itself: keep, drop, or merge into another."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = ["KEEP", "Decision", "decision_of", "lead"]

_KEEP = frozenset(("", "keep", "保留"))
_DROP = frozenset(("drop", "delete", "remove", "删除", "去掉", "不要"))
_MERGE = re.compile(r"(?:merge[-_ ]?(?:in)?to|合并到|并入)\s*[:：]?\s*(\S+)", re.IGNORECASE)


@dataclass(frozen=True)
class Decision:
    """What becomes of an answer; `into` is the id of another where it is merged."""

    kind: Literal["keep", "drop", "merge"]
    into: str = ""


KEEP = Decision("keep")


def decision_of(cell: str) -> Decision | None:
    """What a cell says, nothing being `keep`; None where it says something else."""
    said = cell.strip()
    if said.casefold() in _KEEP:
        return KEEP
    if said.casefold() in _DROP:
        return Decision("drop")
    merged = _MERGE.fullmatch(said)
    return Decision("merge", merged[1]) if merged else None


def lead(name: str, decisions: Mapping[str, Decision]) -> tuple[str, Literal["kept", "dropped", "lacking", "circle"]]:
    """Follow merges from the answer `name`: the id where they end, and what that is."""
    passed = set[str]()
    while True:
        if name in passed:
            return name, "circle"
        passed.add(name)
        decision = decisions.get(name)
        if decision is None:
            return name, "lacking"
        if decision.kind != "merge":
            return name, "kept" if decision.kind == "keep" else "dropped"
        name = decision.into
