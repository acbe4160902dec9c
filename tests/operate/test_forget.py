"""Everything about one customer goes, and stays out of what is made later."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import Connection

import homefield
from homefield.cli import main
from homefield.errors import CallError
from homefield.messages import Language
from homefield.operate.forget import forget_customer, forgotten_in, held_of
from homefield.store import Store, audit, connect, feedback, new_id, now, open_store, predictions
from homefield.store.customers import STORED
from homefield.store.schema import upgrade
from homefield.store.tables import metadata
from homefield.workspace import Workspace

SECRET = "my-card-ends-in-4471"


def ask(store: Store, customer: str, text: str = "where is my card") -> str:
    """Keep an answer with a correction."""
    row = predictions.PredictionRow(
        new_id(), "shop", 1, "0" * 64, "r", {"label": "card"}, now(), customer=customer, text=text
    )
    with store.write() as transaction:
        predictions.record(transaction, [row])
        feedback.add(transaction, row.id, "card", by="li")
    return row.id


def kept(store: Store) -> set[str | None]:
    with store.read() as transaction:
        return {one.prediction.customer for one in feedback.corrections(transaction)}


def test_everything_of_a_customer_goes_and_nothing_of_others(store: Store) -> None:
    for customer in ("c-1", "c-1", "c-2", "c-11"):
        ask(store, customer)
    expected = {"conversations": 0, "feedback": 2, "predictions": 2}
    assert dict(held_of(store, "c-1").counts) == expected
    gone = forget_customer(store, "c-1", by="li")
    assert (dict(gone.counts), gone.known) == (expected, False)
    assert kept(store) == {"c-2", "c-11"}


def test_again_it_finds_nothing_and_adds_no_entry(store: Store) -> None:
    ask(store, "c-1")
    forget_customer(store, "c-1", by="li")
    again = forget_customer(store, "c-1", by="li")
    assert (again.total, again.known) == (0, True)
    ask(store, "c-1")  # they come back, and ask once more
    assert forget_customer(store, "c-1", by="li").total == 2
    with store.read() as transaction:
        entries = audit.entries(transaction)
        assert audit.verify(transaction).fault is None
    assert [entry.what for entry in entries] == ["customer.forget"] * 2
    assert "c-1" not in json.dumps([[entry.subject, dict(entry.details)] for entry in entries])
    assert len({entry.subject for entry in entries}) == 1


def test_every_table_with_a_customer_is_held(store: Store) -> None:
    named = {table.name for table in metadata.sorted_tables if "customer" in table.c}
    assert named <= {each.name for each in STORED}
    assert held_of(store, "nobody").total == 0


class Letters:
    """What another floor holds by customer."""

    name = "letters"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def count(self, transaction: Connection, customer: str) -> int:
        del transaction
        return len(list(self.folder.glob(f"{customer}.*")))

    def delete(self, transaction: Connection, customer: str) -> int:
        del transaction
        found = list(self.folder.glob(f"{customer}.*"))
        for file in found:
            file.unlink()
        return len(found)


def test_another_floor_adds_what_it_holds(store: Store, tmp_path: Path) -> None:
    (tmp_path / "c-1.txt").write_text("dear", encoding="utf-8")
    holdings = (*STORED, Letters(tmp_path))
    assert held_of(store, "c-1", holdings=holdings).counts["letters"] == 1
    assert forget_customer(store, "c-1", by="li", holdings=holdings).counts["letters"] == 1
    assert not (tmp_path / "c-1.txt").exists()


def test_an_empty_id_is_refused(store: Store, language: Language) -> None:
    with pytest.raises(CallError) as caught:
        forget_customer(store, " ", by="li")
    assert caught.value.code == "forget.nobody"
    assert caught.value.what(language)


def test_no_word_stays_in_the_files_of_sqlite(tmp_path: Path) -> None:
    with connect("sqlite:///kept.db", tmp_path) as store:
        upgrade(store)
        ask(store, "c-1", SECRET)
        forget_customer(store, "c-1", by="li")
        found = b"".join(file.read_bytes() for file in tmp_path.glob("kept.db*"))
    assert SECRET.encode() not in found


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    """A workspace that has forgotten c-1, and 王 of another list."""
    workspace = Workspace(tmp_path / "shop")
    for customer in ("c-1", "王"):
        homefield.forget(customer, workspace=workspace)
    return workspace


@pytest.mark.parametrize("column", ["customer", "user_id", "客户编号", "dialogue"])
def test_rows_of_a_forgotten_customer_are_rejected_without_their_words(
    column: str, shop: Workspace, tmp_path: Path
) -> None:
    rows = [f"question {i} about {i * 7},{'card' if i % 2 else 'order'},{f'c-{i % 20}'}\n" for i in range(200)]
    file = tmp_path / "rows.csv"
    file.write_text(f"text,label,{column}\n" + "".join(rows) + f"{SECRET},card, 王 \n", encoding="utf-8")
    made = homefield.prepare(file, tmp_path / "data", workspace=shop)
    counts = made.manifest.counts
    rejected = pl.read_csv(tmp_path / "data" / "rejected.csv")
    assert rejected.filter(code="forgotten").height == 11
    assert set(rejected.filter(code="forgotten")["text"].to_list()) <= {None, ""}
    assert counts["read"] == 201 == counts["kept"] + counts["rejected"] + counts["merged"]
    assert SECRET.encode() not in b"".join(f.read_bytes() for f in (tmp_path / "data").rglob("*") if f.is_file())


def test_a_customer_beside_another_group_is_known_too(shop: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    rows = [f"question {i} about {i * 7},{'card' if i % 2 else 'order'},s-{i},{f'c-{i % 20}'}\n" for i in range(200)]
    file.write_text("text,label,session,customer\n" + "".join(rows), encoding="utf-8")
    made = homefield.prepare(file, tmp_path / "data", columns={"group": "session"}, workspace=shop)
    assert made.manifest.counts["rejected"] == 10


def test_without_a_database_nobody_is_forgotten_and_none_is_made(tmp_path: Path) -> None:
    assert "c-1" not in forgotten_in(Workspace(tmp_path))
    assert not list(tmp_path.iterdir())


def test_the_command_asks_shows_and_deletes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    workspace = Workspace(tmp_path)
    with open_store(workspace) as store:
        ask(store, "c-1")
    at = ["--workspace", str(tmp_path), "--json"]
    assert main(["forget", "c-1", *at]) == 2  # nobody to ask
    assert "forget.not_agreed" in "".join(capsys.readouterr())
    assert main(["forget", "c-1", "--dry-run", *at]) == 0
    assert json.loads(capsys.readouterr().out)["counts"] == {"conversations": 0, "feedback": 1, "predictions": 1}
    with open_store(workspace) as store:
        assert kept(store) == {"c-1"}
    assert main(["forget", "c-1", "--yes", *at]) == 0
    assert json.loads(capsys.readouterr().out)["deleted"] is True
    with open_store(workspace) as store:
        assert kept(store) == set()
