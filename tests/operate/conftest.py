from __future__ import annotations

from ..ship.models import cut, number, sets, twin

__all__ = ["cut", "number", "sets", "twin"]
