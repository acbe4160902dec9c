"""A workspace that the first release made is opened by this program: nothing is lost, and its model answers."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from homefield import api
from homefield.bundle import resolve_model
from homefield.bundle.registry import open_registry
from homefield.operate.backup import backup, restore
from homefield.operate.forget import forget_customer
from homefield.store import audit, connect, feedback, open_store, predictions
from homefield.store.schema import HEAD, version_of
from homefield.workspace import Workspace

FILE = Path(__file__).parent / "first.tar.xz"


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    with tarfile.open(FILE) as archive:
        archive.extractall(tmp_path, filter="data")
    return Workspace(tmp_path / "workspace")


def test_the_file_is_small_and_from_the_first_tables(place: Workspace) -> None:
    assert FILE.stat().st_size < 200_000
    with connect("sqlite:///homefield.db", place.root) as store, store.read() as transaction:
        assert version_of(transaction) == "0001"


def test_nothing_is_lost(place: Workspace) -> None:
    with open_store(place) as store, store.read() as transaction:
        assert version_of(transaction) == HEAD
        (one,) = feedback.corrections(transaction)
        assert (one.feedback.answer, one.feedback.by, one.feedback.why) == ("refund", "王", "要退款")
        assert (one.prediction.text, one.prediction.customer) == ("我的卡呢", "c-1")
        assert predictions.of_customer(transaction, "c-1") == [one.prediction]
        (entry,) = audit.entries(transaction)
        assert (entry.what, entry.subject) == ("model.promote", "shop@1")
        assert audit.verify(transaction).broken_at is None
    dataset = api.open_dataset(place.datasets / "few")
    assert dataset.manifest.counts["read"] == 60


def test_its_model_answers(place: Workspace) -> None:
    assert resolve_model("shop@champion", place) == place.root / "models/shop/1"
    with open_registry(place) as registry:
        bundle = registry.open(registry.find("shop@champion"))
    (answer,) = api.predict("shop@champion", "where is my card", workspace=place)
    assert answer.model == "shop@1"
    assert answer.label in bundle.manifest.labels


def test_what_is_new_works_on_it(place: Workspace, tmp_path: Path) -> None:
    made = backup(place, tmp_path / "b.tar")
    again = Workspace(tmp_path / "again")
    restore(again, made.path, seal=made.seal)
    with open_store(again) as store:
        gone = forget_customer(store, "c-1", by="li")
    assert {name: count for name, count in gone.counts.items() if count} == {"predictions": 1, "feedback": 1}
