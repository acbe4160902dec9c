"""Conversations with customers, and what was said in them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from homefield.store.columns import Json, Moment, Words

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

__all__ = ["upgrade"]


def upgrade() -> None:
    """Make them."""
    _conversations()
    _messages()


def _conversations() -> None:
    op.create_table(
        "conversations",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("application", sa.String(length=100), nullable=False),
        sa.Column("channel", sa.String(length=100), nullable=False),
        sa.Column("peer", Words(), nullable=False),
        sa.Column("customer", Words(), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(length=10), nullable=False),
        sa.Column("audience", Words(), nullable=False),
        sa.Column("variables", Json(), nullable=False),
        sa.Column("expects", Json(), nullable=True),
        sa.Column("handoff", Json(), nullable=True),
        sa.Column("turns", sa.Integer(), nullable=False),
        sa.Column("opened", sa.Integer(), nullable=False),
        sa.Column("made_at", Moment(), nullable=False),
        sa.Column("touched_at", Moment(), nullable=False),
        sa.Column("human_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversations")),
    )
    op.create_index("uq_conversations_peer", "conversations", ["application", "channel", "peer"], unique=True)
    op.create_index(op.f("ix_conversations_customer"), "conversations", ["customer"])
    standing = ["application", "state", "touched_at"]
    op.create_index(op.f("ix_conversations_application_state_touched_at"), "conversations", standing)


def _messages() -> None:
    op.create_table(
        "messages",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("conversation_id", sa.String(length=26), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("speaker", sa.String(length=20), nullable=False),
        sa.Column("text", Words(), nullable=False),
        sa.Column("delivery", Words(), nullable=True),
        sa.Column("replies_to", sa.String(length=26), nullable=True),
        sa.Column("heard_by", sa.String(length=20), nullable=True),
        sa.Column("facts", Json(), nullable=True),
        sa.Column("author", Words(), nullable=True),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("sent_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_messages_conversation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
        sa.UniqueConstraint("replies_to", name=op.f("uq_messages_replies_to")),
    )
    op.create_index("uq_messages_number", "messages", ["conversation_id", "number"], unique=True)
    op.create_index("uq_messages_delivery", "messages", ["conversation_id", "delivery"], unique=True)
