"""HOW: which part of a backbone is trained, as the user writes it (`all`, `top:2`, `lora:8@2`, ...)."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import Literal, get_args

from homefield.errors import CallError

__all__ = ["Frozen", "How", "HowKind", "parse_how"]

HowKind = Literal["all", "top", "head", "lora", "adapter", "gradual"]
Frozen = int
_FORMS = ("all", "top:K", "head", "lora:R[@K]", "adapter:R[@K]", "gradual")
_PATTERN = re.compile(r"(?P<kind>[a-z]+)(?::(?P<number>\d{1,4}))?(?:@(?P<at>\d{1,4}))?")


@dataclass(frozen=True)
class How:
    """A parsed HOW. k: of `top:K` and `...@K`, the blocks counted from the top; None means every block. rank: R."""

    kind: HowKind
    k: int | None = None
    rank: int | None = None

    def __str__(self) -> str:
        if self.kind == "top":
            return f"top:{self.k}"
        if self.rank is None:
            return self.kind
        return f"{self.kind}:{self.rank}" + (f"@{self.k}" if self.k is not None else "")


def parse_how(text: str) -> How:
    """Read a HOW.

    Raises:
        CallError: `backbones.how_unknown` (with the nearest form), `backbones.how_number`.
    """
    written = text.strip().lower().replace("：", ":").replace("＠", "@")
    match = _PATTERN.fullmatch(written)
    kind = match["kind"] if match else ""
    if match is None or kind not in get_args(HowKind):
        raise CallError("backbones.how_unknown", given=text, guess=_nearest(written), forms=", ".join(_FORMS))
    number, at = (int(match[name]) if match[name] else None for name in ("number", "at"))
    if kind == "top" and number and at is None:
        return How("top", k=number)
    if kind in ("lora", "adapter") and number and at != 0:
        return How("lora" if kind == "lora" else "adapter", k=at, rank=number)
    if kind in ("all", "head", "gradual") and number is None and at is None:
        return How("all" if kind == "all" else "head" if kind == "head" else "gradual")
    form = next(form for form in _FORMS if form.partition(":")[0] == kind)
    raise CallError("backbones.how_number", given=text, form=form)


def _nearest(written: str) -> str:
    kind, colon, number = written.partition(":")
    close = difflib.get_close_matches(kind, get_args(HowKind), n=1, cutoff=0.4)
    if not close:
        return "all"
    needs_number = close[0] in ("top", "lora", "adapter")
    return f"{close[0]}{colon}{number}" if needs_number and colon else f"{close[0]}:2" if needs_number else close[0]
