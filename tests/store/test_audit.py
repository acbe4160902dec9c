from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import delete, update

from homefield.store import Store, audit
from homefield.store.tables import audit as table


def told(store: Store, count: int) -> None:
    for number in range(count):
        with store.write() as transaction:
            audit.append(
                transaction, "李娜", "model.promote", f"shop@{number}", {"n": number, "sure": 1e22, "why": "\0"}
            )


def look(store: Store) -> audit.Chain:
    with store.read() as transaction:
        return audit.verify(transaction)


def test_an_untouched_chain_holds(store: Store) -> None:
    assert look(store) == audit.Chain(0, audit.START)
    told(store, 4)
    with store.read() as transaction:
        newest, *rest = audit.entries(transaction)
        assert [each.sequence for each in audit.entries(transaction, most=2, before=3)] == [2, 1]
    assert look(store) == audit.Chain(4, newest.hash)
    assert newest.previous == rest[0].hash


@pytest.mark.parametrize(
    "change",
    [
        {"who": "wang"},
        {"what": "x"},
        {"subject": "shop@9"},
        {"details": {}},
        {"hash": "0" * 64},
        {"previous": "0" * 64},
    ],
)
def test_a_changed_entry_is_found(store: Store, change: dict[str, object]) -> None:
    told(store, 4)
    with store.write() as transaction:
        transaction.execute(update(table).where(table.c.sequence == 3).values(change))
    found = look(store)
    assert (found.count, found.broken_at, found.fault) == (2, 3, "changed")


@pytest.mark.parametrize("place", [1, 2, 4])
def test_a_deleted_entry_is_found(store: Store, place: int) -> None:
    told(store, 4)
    with store.write() as transaction:
        transaction.execute(delete(table).where(table.c.sequence == place))
    found = look(store)
    assert found.fault == "missing"
    assert found.count == place - 1


def test_entries_that_changed_places_are_found(store: Store) -> None:
    told(store, 4)
    with store.write() as transaction:
        for old, new in ((2, 9), (3, 2), (9, 3)):
            transaction.execute(update(table).where(table.c.sequence == old).values(sequence=new))
    assert look(store).broken_at == 2


def test_an_entry_with_a_hash_of_its_own_still_does_not_follow(store: Store) -> None:
    told(store, 3)
    with store.write() as transaction:
        second = audit.entries(transaction, before=3)[0]
        forged = {**vars(second), "details": {"n": 7}}
        forged["hash"] = audit._hash({name: value for name, value in forged.items() if name != "hash"})
        transaction.execute(update(table).where(table.c.sequence == 2).values(forged))
    found = look(store)
    assert (found.broken_at, found.fault) == (3, "moved")


def test_entries_added_at_the_same_moment_make_one_chain(store: Store) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: told(store, 3), range(4)))
    assert look(store).count == 12
    assert look(store).fault is None
