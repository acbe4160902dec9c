"""What applications are taught: kept in order, by application, with a revision that tells everybody."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from homefield.store import Store, connect, revisions, versions
from homefield.store.learned import SCOPE, learn, learned_of, taught, withdraw, withdrawn_of
from homefield.store.schema import migrate_to, upgrade


def test_lessons_come_back_in_their_order_and_raise_the_revision(store: Store) -> None:
    with store.write() as transaction:
        for name in ("shop", "bank"):
            versions.add_application(transaction, name, "support", by="ann")
    with store.read() as transaction:
        before = revisions.revision(transaction, SCOPE)
    with store.write() as transaction:
        learn(transaction, "shop", "how long", "days", by="ann", why="asked twice")
    with store.write() as transaction:
        learn(transaction, "bank", "how much", "fees", text="5 euros", language="en", message="m1", by="bo")
        learn(transaction, "shop", "how far", "miles", by="ann")
    with store.read() as transaction:
        assert [each.question for each in learned_of(transaction, "shop")] == ["how long", "how far"]
        (one,) = learned_of(transaction, "bank")
        assert (one.answer, one.text, one.language, one.message, one.by, one.why) == (
            "fees", "5 euros", "en", "m1", "bo", None,
        )  # fmt: skip
        assert revisions.revision(transaction, SCOPE) == before + 3


def test_what_is_withdrawn_holds_no_more_and_stays_on_record(store: Store) -> None:
    with store.write() as transaction:
        for name in ("shop", "bank"):
            versions.add_application(transaction, name, "support", by="ann")
        new = learn(transaction, "shop", "how long", "l", text="Ten days.", by="ann")
        assert [new.number, learn(transaction, "bank", "how", "days", by="ann").number] == [1, 1]
        assert learn(transaction, "shop", "how many days", "l", by="bo").number == 2
        before = revisions.revision(transaction, SCOPE)
    for by in ("cy", "di"):  # the second time changes nothing
        with store.write() as transaction:
            gone = withdraw(transaction, "shop", 1, by=by)
            assert gone is not None
            assert (gone.number, gone.withdrawn_by) == (1, "cy")
    with store.write() as transaction:
        assert withdraw(transaction, "shop", 3, by="cy") is None
        assert learn(transaction, "shop", "how short", "days", by="bo").number == 3
    with store.read() as transaction:
        assert revisions.revision(transaction, SCOPE) == before + 2
        held = learned_of(transaction, "shop")
        # Another question that leads to the answer that was new then has its text now.
        assert [(each.number, each.text) for each in held] == [(2, "Ten days."), (3, None)]
        (one,) = withdrawn_of(transaction, "shop")
        assert (one.number, one.withdrawn_by, one.at <= one.withdrawn_at) == (1, "cy", True)  # type: ignore[operator]
        assert [each.number for each in taught(transaction, "shop", most=2)] == [3, 2]
        assert [each.number for each in taught(transaction, "shop", before=2, most=9)] == [1]
        assert len(learned_of(transaction, "bank")) == 1


def test_what_was_learned_before_there_were_numbers_is_numbered_by_age(
    backend: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    uri = "sqlite:///old.db"
    if backend == "postgresql":
        uri = request.getfixturevalue("postgresql").database()
    with connect(uri, tmp_path) as old:
        with old.write() as transaction:
            migrate_to(transaction, "0004")
            for name in ("shop", "bank"):
                versions.add_application(transaction, name, "support", by="ann")
            for row, name in (("C", "shop"), ("A", "shop"), ("B", "bank"), ("D", "shop")):
                columns = 'id, application, question, answer, language, "by", at'
                values = f"'{row}', '{name}', 'how {row}', 'days', '', 'ann', '2026-01-01 00:00:00'"
                transaction.execute(text(f"INSERT INTO learned ({columns}) VALUES ({values})"))
        upgrade(old)
        with old.write() as transaction:
            told = [(each.number, each.id, each.withdrawn_at) for each in learned_of(transaction, "shop")]
            assert told == [(1, "A", None), (2, "C", None), (3, "D", None)]
            assert learn(transaction, "shop", "how E", "days", by="bo").number == 4
            assert [each.number for each in learned_of(transaction, "bank")] == [1]


def test_an_application_that_is_not_there_learns_nothing(store: Store) -> None:
    with pytest.raises(IntegrityError), store.write() as transaction:
        learn(transaction, "nobody", "how", "so", by="ann")
