from __future__ import annotations

from ..ship.models import cut, matching, number, partners, sets, twin

__all__ = ["cut", "matching", "number", "partners", "sets", "twin"]
