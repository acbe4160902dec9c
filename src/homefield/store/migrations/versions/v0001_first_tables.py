"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from homefield.store.columns import Json, Moment, Words

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

__all__ = ["upgrade"]


def upgrade() -> None:
    """Make them, those that others refer to first."""
    _alias_moves()
    _applications()
    _audit()
    _events()
    _jobs()
    _models()
    _predictions()
    _revisions()
    _uploads()
    _users()
    _feedback()
    _keys()
    _model_versions()
    _releases()
    _roles()
    _sessions()


def _alias_moves() -> None:
    op.create_table(
        "alias_moves",
        sa.Column("move", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("alias", sa.String(length=100), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("back_to", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("by", Words(), nullable=False),
        sa.Column("why", Words(), nullable=True),
        sa.ForeignKeyConstraint(["back_to"], ["alias_moves.move"], name=op.f("fk_alias_moves_back_to")),
        sa.PrimaryKeyConstraint("move", name=op.f("pk_alias_moves")),
    )
    op.create_index(op.f("ix_alias_moves_kind_name_alias_move"), "alias_moves", ["kind", "name", "alias", "move"])


def _applications() -> None:
    op.create_table(
        "applications",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=100), nullable=False),
        sa.Column("made_at", Moment(), nullable=False),
        sa.Column("made_by", Words(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_applications")),
    )


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("who", Words(), nullable=False),
        sa.Column("what", sa.String(length=100), nullable=False),
        sa.Column("subject", Words(), nullable=False),
        sa.Column("details", Json(), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_audit")),
    )


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("topic", sa.String(length=100), nullable=False),
        sa.Column("data", Json(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_events")),
    )
    op.create_index(op.f("ix_events_topic_sequence"), "events", ["topic", "sequence"])


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("kind", sa.String(length=100), nullable=False),
        sa.Column("arguments", Json(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("run_at", Moment(), nullable=False),
        sa.Column("schedule", sa.String(length=100), nullable=True),
        sa.Column("progress", Json(), nullable=True),
        sa.Column("result", Json(), nullable=True),
        sa.Column("error", Json(), nullable=True),
        sa.Column("worker", Words(), nullable=True),
        sa.Column("heartbeat_at", Moment(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("most_attempts", sa.Integer(), nullable=False),
        sa.Column("cancelled_by", Words(), nullable=True),
        sa.Column("once", Words(), nullable=True),
        sa.Column("made_at", Moment(), nullable=False),
        sa.Column("made_by", Words(), nullable=False),
        sa.Column("started_at", Moment(), nullable=True),
        sa.Column("ended_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
        sa.UniqueConstraint("once", name=op.f("uq_jobs_once")),
    )
    op.create_index(op.f("ix_jobs_state_run_at"), "jobs", ["state", "run_at"])


def _models() -> None:
    op.create_table(
        "models",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("made_at", Moment(), nullable=False),
        sa.Column("made_by", Words(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_models")),
    )


def _predictions() -> None:
    op.create_table(
        "predictions",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("model", sa.String(length=100), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("seal", sa.String(length=64), nullable=False),
        sa.Column("request_id", Words(), nullable=False),
        sa.Column("key_id", sa.String(length=26), nullable=True),
        sa.Column("application", sa.String(length=100), nullable=True),
        sa.Column("customer", Words(), nullable=True),
        sa.Column("text", Words(), nullable=True),
        sa.Column("output", Json(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_predictions")),
    )
    op.create_index(op.f("ix_predictions_at"), "predictions", ["at"])
    op.create_index(op.f("ix_predictions_customer"), "predictions", ["customer"])
    op.create_index(op.f("ix_predictions_model_at"), "predictions", ["model", "at"])


def _revisions() -> None:
    op.create_table(
        "revisions",
        sa.Column("scope", sa.String(length=100), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("scope", name=op.f("pk_revisions")),
    )


def _uploads() -> None:
    op.create_table(
        "uploads",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("name", Words(), nullable=False),
        sa.Column("media_type", Words(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("made_at", Moment(), nullable=False),
        sa.Column("made_by", Words(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_uploads")),
    )
    op.create_index(op.f("ix_uploads_state_made_at"), "uploads", ["state", "made_at"])


def _users() -> None:
    op.create_table(
        "users",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("made_at", Moment(), nullable=False),
        sa.Column("made_by", Words(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_users")),
    )


def _feedback() -> None:
    op.create_table(
        "feedback",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("prediction_id", sa.String(length=26), nullable=False),
        sa.Column("answer", Json(), nullable=False),
        sa.Column("by", Words(), nullable=False),
        sa.Column("why", Words(), nullable=True),
        sa.Column("key_id", sa.String(length=26), nullable=True),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("once", Words(), nullable=True),
        sa.ForeignKeyConstraint(
            ["prediction_id"], ["predictions.id"], name=op.f("fk_feedback_prediction_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feedback")),
        sa.UniqueConstraint("once", name=op.f("uq_feedback_once")),
    )
    op.create_index(op.f("ix_feedback_at"), "feedback", ["at"])
    op.create_index(op.f("ix_feedback_prediction_id"), "feedback", ["prediction_id"])


def _keys() -> None:
    op.create_table(
        "keys",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("name", Words(), nullable=False),
        sa.Column("prefix", sa.String(length=20), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("user", sa.String(length=100), nullable=True),
        sa.Column("scopes", Json(), nullable=False),
        sa.Column("made_at", Moment(), nullable=False),
        sa.Column("made_by", Words(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=True),
        sa.Column("used_at", Moment(), nullable=True),
        sa.Column("revoked_at", Moment(), nullable=True),
        sa.Column("replaces", sa.String(length=26), nullable=True),
        sa.ForeignKeyConstraint(["replaces"], ["keys.id"], name=op.f("fk_keys_replaces")),
        sa.ForeignKeyConstraint(["user"], ["users.name"], name=op.f("fk_keys_user"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_keys")),
        sa.UniqueConstraint("prefix", name=op.f("uq_keys_prefix")),
    )
    op.create_index(op.f("ix_keys_user"), "keys", ["user"])


def _model_versions() -> None:
    op.create_table(
        "model_versions",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seal", sa.String(length=64), nullable=False),
        sa.Column("facts", Json(), nullable=False),
        sa.Column("uri", Words(), nullable=False),
        sa.Column("made_at", Moment(), nullable=False),
        sa.Column("made_by", Words(), nullable=False),
        sa.ForeignKeyConstraint(["name"], ["models.name"], name=op.f("fk_model_versions_name")),
        sa.PrimaryKeyConstraint("name", "version", name=op.f("pk_model_versions")),
    )


def _releases() -> None:
    op.create_table(
        "releases",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seal", sa.String(length=64), nullable=False),
        sa.Column("manifest", Json(), nullable=False),
        sa.Column("made_at", Moment(), nullable=False),
        sa.Column("made_by", Words(), nullable=False),
        sa.ForeignKeyConstraint(["name"], ["applications.name"], name=op.f("fk_releases_name")),
        sa.PrimaryKeyConstraint("name", "version", name=op.f("pk_releases")),
    )


def _roles() -> None:
    op.create_table(
        "roles",
        sa.Column("user", sa.String(length=100), nullable=False),
        sa.Column("application", sa.String(length=100), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.ForeignKeyConstraint(["user"], ["users.name"], name=op.f("fk_roles_user"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user", "application", name=op.f("pk_roles")),
    )


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("key_id", sa.String(length=26), nullable=False),
        sa.Column("made_at", Moment(), nullable=False),
        sa.Column("seen_at", Moment(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["key_id"], ["keys.id"], name=op.f("fk_sessions_key_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_sessions")),
    )
    op.create_index(op.f("ix_sessions_expires_at"), "sessions", ["expires_at"])
    op.create_index(op.f("ix_sessions_key_id"), "sessions", ["key_id"])
