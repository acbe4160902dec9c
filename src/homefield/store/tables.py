"""The tables. A change here needs a migration beside it; a test compares the two."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
)

from homefield.store.columns import Json, Moment, Words

__all__ = [
    "alias_moves",
    "applications",
    "audit",
    "conversations",
    "events",
    "feedback",
    "forgotten",
    "jobs",
    "keys",
    "learned",
    "messages",
    "metadata",
    "model_versions",
    "models",
    "predictions",
    "releases",
    "revisions",
    "roles",
    "secrets",
    "sessions",
    "uploads",
    "users",
]

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_ID, _NAME, _HASH = String(26), String(100), String(64)

# A number by scope that only grows: who keeps something in memory looks whether it still holds.
revisions = Table(
    "revisions",
    metadata,
    Column("scope", _NAME, primary_key=True),
    Column("revision", BigInteger, nullable=False),
)

# --- models and applications -------------------------------------------------------------------------------------

models = Table(
    "models",
    metadata,
    Column("name", _NAME, primary_key=True),
    Column("made_at", Moment, nullable=False),
    Column("made_by", Words, nullable=False),
)

model_versions = Table(
    "model_versions",
    metadata,
    Column("name", _NAME, ForeignKey("models.name"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("seal", _HASH, nullable=False),
    Column("facts", Json, nullable=False),
    Column("uri", Words, nullable=False),  # from the artifacts' root, so that every machine may mount it elsewhere
    Column("made_at", Moment, nullable=False),
    Column("made_by", Words, nullable=False),
)

applications = Table(
    "applications",
    metadata,
    Column("name", _NAME, primary_key=True),
    Column("kind", _NAME, nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("made_by", Words, nullable=False),
)

releases = Table(
    "releases",
    metadata,
    Column("name", _NAME, ForeignKey("applications.name"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("seal", _HASH, nullable=False),  # SHA-256 of the manifest
    Column("manifest", Json, nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("made_by", Words, nullable=False),
)

# Every move of an alias; the last of each is where it stands. `back_to` is the move that a rollback returns to.
alias_moves = Table(
    "alias_moves",
    metadata,
    Column("move", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("kind", _NAME, nullable=False),  # model | application
    Column("name", _NAME, nullable=False),
    Column("alias", _NAME, nullable=False),
    Column("version", Integer, nullable=True),  # null: it stands nowhere
    Column("back_to", BigInteger().with_variant(Integer, "sqlite"), ForeignKey("alias_moves.move"), nullable=True),
    Column("at", Moment, nullable=False),
    Column("by", Words, nullable=False),
    Column("why", Words, nullable=True),
    Index(None, "kind", "name", "alias", "move"),
)

# --- what is asked and corrected ---------------------------------------------------------------------------------

predictions = Table(
    "predictions",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("model", _NAME, nullable=False),
    Column("version", Integer, nullable=True),  # null: a folder that is in no registry
    Column("seal", _HASH, nullable=False),
    Column("request_id", Words, nullable=False),
    Column("key_id", _ID, nullable=True),
    Column("application", _NAME, nullable=True),
    Column("customer", Words, nullable=True),
    Column("text", Words, nullable=True),  # kept only where the settings say so
    Column("output", Json, nullable=False),
    Column("at", Moment, nullable=False),
    Index(None, "customer"),
    Index(None, "at"),
    Index(None, "model", "at"),
)

feedback = Table(
    "feedback",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("prediction_id", _ID, ForeignKey("predictions.id", ondelete="CASCADE"), nullable=False),
    Column("answer", Json, nullable=False),
    Column("by", Words, nullable=False),
    Column("why", Words, nullable=True),
    Column("key_id", _ID, nullable=True),
    Column("at", Moment, nullable=False),
    Column("once", Words, nullable=True, unique=True),  # the caller's idempotency key
    Index(None, "prediction_id"),
    Index(None, "at"),
)

# A question with the answer that people said is right: works at once, and belongs to the next dataset, until it is
# withdrawn.
learned = Table(
    "learned",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("application", _NAME, ForeignKey("applications.name"), nullable=False),
    Column("question", Words, nullable=False),
    Column("answer", Words, nullable=False),
    Column("text", Words, nullable=True),  # of an answer that was new
    Column("language", String(20), nullable=False),
    Column("message", Words, nullable=True),
    Column("by", Words, nullable=False),
    Column("why", Words, nullable=True),
    Column("at", Moment, nullable=False),
    Column("number", Integer, nullable=False),  # its place among those of its application, from 1
    Column("withdrawn_at", Moment, nullable=True),
    Column("withdrawn_by", Words, nullable=True),
    Index(None, "application", "id"),
    Index("uq_learned_number", "application", "number", unique=True),
)

# --- conversations -----------------------------------------------------------------------------------------------

conversations = Table(
    "conversations",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("application", _NAME, nullable=False),
    Column("channel", _NAME, nullable=False),
    Column("peer", Words, nullable=False),  # what the channel calls it; its own id where it has no name there
    Column("customer", Words, nullable=True),
    Column("state", String(20), nullable=False),  # bot | waiting | human | closed
    Column("failures", Integer, nullable=False),  # in a row
    Column("language", String(10), nullable=False),
    Column("audience", Words, nullable=False),
    Column("variables", Json, nullable=False),
    Column("expects", Json, nullable=True),  # what the bot has asked the customer for
    Column("handoff", Json, nullable=True),  # why a human is wanted, and the summary for them
    Column("turns", Integer, nullable=False),  # messages so far
    Column("opened", Integer, nullable=False),  # messages before it was last opened, which are another matter
    Column("made_at", Moment, nullable=False),
    Column("touched_at", Moment, nullable=False),
    Column("human_at", Moment, nullable=True),  # when a human last spoke
    Index("uq_conversations_peer", "application", "channel", "peer", unique=True),
    Index(None, "customer"),
    Index(None, "application", "state", "touched_at"),
)

messages = Table(
    "messages",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("conversation_id", _ID, ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("speaker", String(20), nullable=False),  # customer | bot | human
    Column("text", Words, nullable=False),
    Column("delivery", Words, nullable=True),  # the channel's id: the same one twice is one message
    Column("replies_to", _ID, nullable=True, unique=True),  # so that a message is never replied to twice
    Column("heard_by", String(20), nullable=True),  # waiting | human: the customer wrote and the bot kept quiet
    Column("facts", Json, nullable=True),  # of a customer's: what was asked in its place; of the bot's: why it said so
    Column("author", Words, nullable=True),
    Column("at", Moment, nullable=False),
    Column("sent_at", Moment, nullable=True),  # by a channel that is written to
    Index("uq_messages_number", "conversation_id", "number", unique=True),
    Index("uq_messages_delivery", "conversation_id", "delivery", unique=True),
)

# Who asked to be forgotten, as a keyed hash: enough to know their rows again in records to come.
forgotten = Table(
    "forgotten",
    metadata,
    Column("hash", _HASH, primary_key=True),
    Column("at", Moment, nullable=False),
)

# Keys that every process of an installation must have alike.
secrets = Table("secrets", metadata, Column("name", _NAME, primary_key=True), Column("value", Words, nullable=False))

# --- work --------------------------------------------------------------------------------------------------------

jobs = Table(
    "jobs",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("kind", _NAME, nullable=False),
    Column("arguments", Json, nullable=False),
    Column("state", String(20), nullable=False),  # queued | running | done | failed | cancelled
    Column("run_at", Moment, nullable=False),  # not before
    Column("schedule", _NAME, nullable=True),
    Column("progress", Json, nullable=True),
    Column("result", Json, nullable=True),
    Column("error", Json, nullable=True),
    Column("worker", Words, nullable=True),
    Column("heartbeat_at", Moment, nullable=True),
    Column("attempts", Integer, nullable=False),
    Column("most_attempts", Integer, nullable=False),
    Column("cancelled_by", Words, nullable=True),  # asked to stop
    Column("once", Words, nullable=True, unique=True),  # of two with the same one only the first is kept
    Column("made_at", Moment, nullable=False),
    Column("made_by", Words, nullable=False),
    Column("started_at", Moment, nullable=True),
    Column("ended_at", Moment, nullable=True),
    Index(None, "state", "run_at"),
)

events = Table(
    "events",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("topic", _NAME, nullable=False),
    Column("data", Json, nullable=False),
    Column("at", Moment, nullable=False),
    Index(None, "topic", "sequence"),
)

uploads = Table(
    "uploads",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("name", Words, nullable=False),  # what the client calls it; never a path
    Column("media_type", Words, nullable=True),
    Column("size", BigInteger, nullable=True),  # what it should have in the end
    Column("received", BigInteger, nullable=False),
    Column("sha256", _HASH, nullable=True),
    Column("state", String(20), nullable=False),  # receiving | checked | refused
    Column("made_at", Moment, nullable=False),
    Column("made_by", Words, nullable=False),
    Index(None, "state", "made_at"),
)

# --- who may do what ---------------------------------------------------------------------------------------------

users = Table(
    "users",
    metadata,
    Column("name", _NAME, primary_key=True),
    Column("made_at", Moment, nullable=False),
    Column("made_by", Words, nullable=False),
)

roles = Table(
    "roles",
    metadata,
    Column("user", _NAME, ForeignKey("users.name", ondelete="CASCADE"), primary_key=True),
    Column("application", _NAME, primary_key=True),  # `*`: every one, and what belongs to none
    Column("role", String(20), nullable=False),  # viewer | operator | admin
)

keys = Table(
    "keys",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("name", Words, nullable=False),
    Column("prefix", String(20), nullable=False, unique=True),  # the part that may be shown
    Column("hash", _HASH, nullable=False),
    Column("user", _NAME, ForeignKey("users.name", ondelete="CASCADE"), nullable=True),
    Column("scopes", Json, nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("made_by", Words, nullable=False),
    Column("expires_at", Moment, nullable=True),
    Column("used_at", Moment, nullable=True),
    Column("revoked_at", Moment, nullable=True),
    Column("replaces", _ID, ForeignKey("keys.id"), nullable=True),
    Index(None, "user"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("hash", _HASH, primary_key=True),  # of the cookie
    Column("key_id", _ID, ForeignKey("keys.id", ondelete="CASCADE"), nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("seen_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Index(None, "key_id"),
    Index(None, "expires_at"),
)

audit = Table(
    "audit",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
    Column("who", Words, nullable=False),
    Column("what", _NAME, nullable=False),
    Column("subject", Words, nullable=False),
    Column("details", Json, nullable=False),
    Column("previous", _HASH, nullable=False),
    Column("hash", _HASH, nullable=False),
)
