from __future__ import annotations

import string
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from homefield.store import Store, keys, now, revisions, sessions, users
from homefield.store.scopes import ROLES, SCOPES, effective
from homefield.store.tables import keys as table


@pytest.fixture
def made(store: Store) -> tuple[keys.Key, str]:
    with store.write() as transaction:
        return keys.create(transaction, "web shop", ["predict", "feedback"], by="li")


def test_the_secret_is_kept_nowhere(store: Store, made: tuple[keys.Key, str]) -> None:
    key, secret = made
    with store.read() as transaction:
        row = transaction.execute(select(table)).one()
        assert keys.find(transaction, secret) == key
        assert keys.key(transaction, key.prefix) == keys.key(transaction, key.id) == key
    assert secret.startswith(key.prefix + "_")
    assert not any(secret[12:] in str(value) for value in row)


def test_a_key_that_is_not_the_right_one_is_not_found(store: Store, made: tuple[keys.Key, str]) -> None:
    _, secret = made
    with store.write() as transaction:
        _, other = keys.create(transaction, "other", [], by="li")
        mixed = secret[:12] + other[12:-6]
        assert keys.find(transaction, mixed + keys._checksum(mixed)) is None
        assert keys.find(transaction, other[:-1]) is None
        assert keys.find(transaction, "") is None


def test_one_wrong_letter_is_found_without_asking(made: tuple[keys.Key, str]) -> None:
    _, secret = made
    for place in range(len(secret)):
        for letter in string.ascii_lowercase + string.digits:
            wrong = secret[:place] + letter + secret[place + 1 :]
            assert keys.is_key(wrong) == (wrong == secret)


@given(st.text())
def test_no_word_stops_the_check(word: str) -> None:
    assert not keys.is_key(word)


def test_keys_end_by_time_and_by_hand(store: Store) -> None:
    with store.write() as transaction:
        assert not keys.any_key(transaction)
        late, _ = keys.create(transaction, "late", [], by="li", expires_at=now() - timedelta(seconds=1))
        good, secret = keys.create(transaction, "good", [], by="li", expires_at=now() + timedelta(days=1))
        assert (late.state(), good.state()) == ("expired", "valid")
        assert keys.any_key(transaction)
        before = revisions.revision(transaction, revisions.KEYS)
        assert keys.revoke(transaction, good.id)
        assert not keys.revoke(transaction, good.id)
        assert revisions.revision(transaction, revisions.KEYS) > before
        found = keys.find(transaction, secret)
        assert found is not None
        assert found.state() == "revoked"
        assert not keys.any_key(transaction)


def test_a_rotated_key_works_a_while_beside_the_new_one(store: Store, made: tuple[keys.Key, str]) -> None:
    old, secret = made
    with store.write() as transaction:
        new, fresh = keys.rotate(transaction, old, by="li", overlap=timedelta(hours=1))
        first, second = keys.find(transaction, secret), keys.find(transaction, fresh)
    assert first is not None
    assert second == new
    assert (first.state(), first.state(now() + timedelta(hours=2)), second.state()) == ("valid", "revoked", "valid")
    assert (new.name, new.scopes, new.replaces) == (old.name, old.scopes, old.id)


def test_use_is_remembered_to_the_minute(store: Store, made: tuple[keys.Key, str]) -> None:
    key, _ = made
    seen = []
    for _ in range(2):
        with store.write() as transaction:
            keys.used(transaction, key.id)
            found = keys.key(transaction, key.id)
            assert found is not None
            seen.append(found.used_at)
    assert seen[0] is not None
    assert seen[0] == seen[1]


def test_a_user_goes_with_keys_and_sessions(store: Store) -> None:
    with store.write() as transaction:
        users.add(transaction, "li", by="x")
        key, _ = keys.create(transaction, "mine", ["read"], by="x", user="li")
        later, _ = keys.rotate(transaction, key, by="x", overlap=timedelta(0))
        _, cookie = sessions.begin(transaction, later.id, lasts=timedelta(hours=1))
        assert keys.all_keys(transaction, user="li") == [keys.key(transaction, key.id), later]
        users.remove(transaction, "li")
        assert keys.all_keys(transaction) == []
        assert sessions.find(transaction, cookie) is None


def test_a_users_key_may_do_no_more_than_the_user() -> None:
    assert effective(["predict", "admin"], "viewer") == frozenset()
    assert effective(["predict", "admin"], "operator") == {"predict"}
    assert effective(["predict", "admin"], "admin") == {"predict", "admin"}
    assert effective(SCOPES, None) == frozenset()
    grown = [effective(SCOPES, role) for role in ROLES]
    assert grown[0] < grown[1] < grown[2] == set(SCOPES)
