"""What applications are taught while they are in use."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from homefield.store.columns import Moment, Words

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

__all__ = ["upgrade"]


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "learned",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("application", sa.String(length=100), nullable=False),
        sa.Column("question", Words(), nullable=False),
        sa.Column("answer", Words(), nullable=False),
        sa.Column("text", Words(), nullable=True),
        sa.Column("language", sa.String(length=20), nullable=False),
        sa.Column("message", Words(), nullable=True),
        sa.Column("by", Words(), nullable=False),
        sa.Column("why", Words(), nullable=True),
        sa.Column("at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["application"], ["applications.name"], name=op.f("fk_learned_application")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_learned")),
    )
    op.create_index(op.f("ix_learned_application_id"), "learned", ["application", "id"])
