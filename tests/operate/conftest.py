from __future__ import annotations

from ..ship.models import cut, matching, number, partners, sets, twin
from ..store.conftest import backend, migrated, store, uri

__all__ = ["backend", "cut", "matching", "migrated", "number", "partners", "sets", "store", "twin", "uri"]
