"""What was taught has a number, and can be withdrawn."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from homefield.store.columns import Moment, Words

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

__all__ = ["upgrade"]


def upgrade() -> None:
    """Number what there is, oldest first, and add who withdrew it and when."""
    op.add_column("learned", sa.Column("number", sa.Integer(), nullable=True))
    op.add_column("learned", sa.Column("withdrawn_at", Moment(), nullable=True))
    op.add_column("learned", sa.Column("withdrawn_by", Words(), nullable=True))
    learned = sa.table("learned", sa.column("id"), sa.column("application"), sa.column("number"))
    earlier = learned.alias("earlier")
    place = sa.select(sa.func.count()).where(
        earlier.c.application == learned.c.application, earlier.c.id <= learned.c.id
    )
    op.execute(sa.update(learned).values(number=place.scalar_subquery()))
    with op.batch_alter_table("learned") as batch:
        batch.alter_column("number", existing_type=sa.Integer(), nullable=False)
    op.create_index("uq_learned_number", "learned", ["application", "number"], unique=True)
