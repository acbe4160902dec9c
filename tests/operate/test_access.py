"""Users and keys change only on the record, and a user's key does no more than its user."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from homefield.errors import CallError
from homefield.messages import Language
from homefield.operate.access import (
    add_user,
    create_key,
    may,
    remove_user,
    revoke_key,
    rotate_key,
    set_role,
    take_role,
)
from homefield.store import Store, audit, keys, open_store
from homefield.workspace import Workspace


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(Workspace(tmp_path)) as opened:
        yield opened


def told(store: Store) -> list[tuple[str, str, str]]:
    with store.read() as transaction:
        assert audit.verify(transaction).fault is None
        return [(one.who, one.what, one.subject) for one in audit.entries(transaction)][::-1]


def allowed(store: Store, key: keys.Key, application: str | None = None) -> frozenset[str]:
    with store.read() as transaction:
        found = keys.key(transaction, key.id)
        return frozenset() if found is None else may(transaction, found, application)


def test_every_change_is_on_the_record_and_no_secret_is(store: Store) -> None:
    add_user(store, "李娜", "operator", by="root")
    key, secret = create_key(store, "web", ["feedback", "predict"], by="root", user="李娜")
    new, fresh = rotate_key(store, key.prefix, by="root", overlap=timedelta(hours=1))
    revoke_key(store, new.id, by="root")
    set_role(store, "李娜", "viewer", application="desk", by="root")
    take_role(store, "李娜", application="desk", by="root")
    assert remove_user(store, "李娜", by="root") == 2
    assert told(store) == [
        ("root", "user.add", "李娜"),
        ("root", "key.create", key.prefix),
        ("root", "key.rotate", new.prefix),
        ("root", "key.revoke", new.prefix),
        ("root", "user.role", "李娜"),
        ("root", "user.role", "李娜"),
        ("root", "user.remove", "李娜"),
    ]
    with store.read() as transaction:
        written = "\n".join(str(vars(one)) for one in audit.entries(transaction))
    assert secret not in written
    assert fresh not in written
    assert key.scopes == ("predict", "feedback")


def test_a_users_key_follows_the_role_at_once(store: Store) -> None:
    add_user(store, "li", "viewer", by="root")
    key, _ = create_key(store, "web", ["read", "predict", "admin"], by="root", user="li")
    assert allowed(store, key) == {"read"}
    set_role(store, "li", "operator", application="desk", by="root")
    assert allowed(store, key, "desk") == {"read", "predict"}
    assert allowed(store, key, "other") == {"read"}
    take_role(store, "li", application="desk", by="root")
    assert allowed(store, key, "desk") == {"read"}
    take_role(store, "li", application="*", by="root")
    assert allowed(store, key) == frozenset()


def test_an_ended_key_may_nothing(store: Store) -> None:
    key, _ = create_key(store, "web", ["predict"], by="root", lasts=timedelta(days=1))
    assert allowed(store, key) == {"predict"}
    revoke_key(store, key.prefix, by="root")
    assert allowed(store, key) == frozenset()


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (lambda store: create_key(store, "web", [], by="x"), "access.no_scope"),
        (lambda store: create_key(store, "web", ["everything"], by="x"), "access.unknown_scope"),
        (lambda store: create_key(store, " ", ["read"], by="x"), "access.bad_name"),
        (lambda store: create_key(store, "a\nb", ["read"], by="x"), "access.bad_name"),
        (lambda store: create_key(store, "w" * 101, ["read"], by="x"), "access.bad_name"),
        (lambda store: create_key(store, "web", ["read"], by="x", user="nobody"), "access.no_user"),
        (lambda store: add_user(store, "li", "king", by="x"), "access.unknown_role"),
        (lambda store: add_user(store, "wang", "viewer", by="x"), "access.user_there"),
        (lambda store: set_role(store, "nobody", "viewer", by="x"), "access.no_user"),
        (lambda store: remove_user(store, "nobody", by="x"), "access.no_user"),
        (lambda store: revoke_key(store, "hf_00000000", by="x"), "access.no_key"),
        (lambda store: rotate_key(store, "hf_00000000", by="x", overlap=timedelta(0)), "access.no_key"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_kept(
    store: Store, act: Callable[[Store], object], code: str, language: Language
) -> None:
    add_user(store, "wang", "viewer", by="root")
    with pytest.raises(CallError) as caught:
        act(store)
    assert caught.value.code == code
    assert caught.value.what(language)
    assert len(told(store)) == 1


def test_a_key_ends_once(store: Store) -> None:
    key, _ = create_key(store, "web", ["read"], by="x")
    rotate_key(store, key.id, by="x", overlap=timedelta(hours=1))
    with pytest.raises(CallError) as caught:
        rotate_key(store, key.id, by="x", overlap=timedelta(hours=1))
    assert caught.value.code == "access.key_ended"
    revoke_key(store, key.id, by="x")  # sooner than its replacement wanted
    with pytest.raises(CallError, match="has ended"):
        revoke_key(store, key.id, by="x")
