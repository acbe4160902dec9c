"""The store's fixtures: each test of a desk runs against SQLite and against PostgreSQL."""

from __future__ import annotations

from ....store.conftest import backend, migrated, store, uri

__all__ = ["backend", "migrated", "store", "uri"]
