"""Who asked to be forgotten, and the key of the hashes that stand for them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from homefield.store.columns import Moment, Words

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

__all__ = ["upgrade"]


def upgrade() -> None:
    """Make the two tables."""
    op.create_table(
        "secrets",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("value", Words(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_secrets")),
    )
    op.create_table(
        "forgotten",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_forgotten")),
    )
