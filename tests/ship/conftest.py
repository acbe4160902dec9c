from __future__ import annotations

from .models import cut, matching, number, partners, sets, twin

__all__ = ["cut", "matching", "number", "partners", "sets", "twin"]
