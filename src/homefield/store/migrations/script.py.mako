"""${message}."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from homefield.store.columns import Json, Moment, Words

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None

__all__ = ["upgrade"]


def upgrade() -> None:
    """${message}."""
    ${upgrades if upgrades else "pass"}
