"""What applications are taught: kept in order, by application, with a revision that tells everybody."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import IntegrityError

from homefield.store import Store, revisions, versions
from homefield.store.learned import SCOPE, learn, learned_of


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


def test_an_application_that_is_not_there_learns_nothing(store: Store) -> None:
    with pytest.raises(IntegrityError), store.write() as transaction:
        learn(transaction, "nobody", "how", "so", by="ann")
