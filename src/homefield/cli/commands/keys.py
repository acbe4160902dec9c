"""`homefield keys`: who may ask the server, and for what."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from homefield.cli.command import Group, argument, command, option
from homefield.cli.face import Face
from homefield.cli.outcome import Outcome, Table
from homefield.cli.values import Name, Whole

if TYPE_CHECKING:
    from homefield.store.keys import Key

__all__ = ["keys"]

keys = Group("keys")


@command("create")
@argument("name", key="key_name", type=Name(), metavar="NAME")
@option("--scope", "scopes", key="key_scope", type=Name(), multiple=True, metavar="SCOPE")
@option("--user", key="key_user", type=Name(), metavar="NAME")
@option("--days", key="key_days", type=Whole(), metavar="N")
def create(face: Face, name: str, scopes: tuple[str, ...], user: str | None, days: int | None) -> Outcome:
    """Make a key and show its secret, this once."""
    from homefield.operate.access import create_key
    from homefield.store import open_store
    from homefield.workspace import local_user

    lasts = None if days is None else timedelta(days=days)
    with open_store(face.workspace) as store:
        made, secret = create_key(store, name, scopes, by=local_user(), user=user, lasts=lasts)
    return _secret(made, secret, face, face.say("keys.created", name=made.name))


@command("list")
def list_(face: Face) -> Outcome:
    """Every key without its secret."""
    from homefield.store import keys as rows
    from homefield.store import open_store

    with open_store(face.workspace) as store, store.read() as transaction:
        known = rows.all_keys(transaction)
    say = face.say
    headings = [say(f"keys.{word}") for word in ("key", "name", "state", "scopes", "user", "expires", "used")]
    return Outcome(
        document={"keys": [_as_json(key) for key in known]},
        title=say("keys.title", count=len(known)) if known else say("keys.none"),
        tables=[Table(headings, [_cells(key, face) for key in known])] if known else [],
        next_steps=[] if known else ["homefield keys create NAME --scope predict"],
    )


@command("revoke")
@argument("key", key="key", type=Name(), metavar="KEY")
def revoke(face: Face, key: str) -> Outcome:
    """End a key at once."""
    from homefield.operate.access import revoke_key
    from homefield.store import open_store
    from homefield.workspace import local_user

    with open_store(face.workspace) as store:
        ended = revoke_key(store, key, by=local_user())
    return Outcome(document={"key": _as_json(ended)}, title=face.say("keys.revoked", key=ended.prefix))


@command("rotate")
@argument("key", key="key", type=Name(), metavar="KEY")
@option("--hours", key="key_hours", type=Whole(), default=24, metavar="N")
def rotate(face: Face, key: str, hours: int) -> Outcome:
    """Make a new key for an old one, which works on for a while."""
    from homefield.operate.access import rotate_key
    from homefield.store import open_store
    from homefield.workspace import local_user

    with open_store(face.workspace) as store:
        made, secret = rotate_key(store, key, by=local_user(), overlap=timedelta(hours=hours))
    return _secret(made, secret, face, face.say("keys.rotated", key=key, hours=hours))


def _secret(made: Key, secret: str, face: Face, title: str) -> Outcome:
    say = face.say
    facts = [
        (say("keys.secret"), secret),
        (say("keys.scopes"), ", ".join(made.scopes)),
        (say("keys.user"), made.user or ""),
        (say("keys.expires"), _day(made.expires_at) or say("keys.no_end")),
    ]
    return Outcome(
        document={"key": _as_json(made), "secret": secret},
        title=title,
        facts=[fact for fact in facts if fact[1]],
        notes=[say("keys.shown_once")],
    )


def _as_json(key: Key) -> dict[str, object]:
    told = {name: value for name, value in vars(key).items() if name != "hash"}
    return {**told, "state": key.state()}


def _cells(key: Key, face: Face) -> list[str]:
    say = face.say
    ends = _day(key.revoked_at or key.expires_at) or say("keys.no_end")
    state, scopes = say(f"keys.state_{key.state()}"), ", ".join(key.scopes)
    return [key.prefix, key.name, state, scopes, key.user or "", ends, _day(key.used_at) or say("keys.never")]


def _day(moment: object) -> str:
    return "" if moment is None else str(moment)[:16]


for each in (create, list_, revoke, rotate):
    keys.add_command(each)
