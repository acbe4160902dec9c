"""A version goes into use through the gate, with its numbers, or by force with a reason; and comes back by one step."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from homefield.bundle.registry import Registry, open_registry
from homefield.errors import CallError, Refused, Tampered
from homefield.messages import Language
from homefield.operate.gate import Check, Gate, records_in
from homefield.operate.promote import TOPIC, Subject, promote
from homefield.operate.registry import challenge_model, champion_of, promote_model, roll_back_model
from homefield.serve import Predictor
from homefield.ship import export_named
from homefield.store import aliases, audit, events, revisions
from homefield.workspace import Workspace

from ..ship.models import Made
from ..ship.runs import write_records

Rows = Callable[[str, Callable[[str, list[str]], str]], Path]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, cut: Made, twin: Made, number: Made) -> Workspace:
    """`shop` in two versions, and `price`, which answers with numbers."""
    workspace = Workspace(tmp_path_factory.mktemp("space"))
    for made, name in ((cut, "shop"), (twin, "shop"), (number, "price")):
        export_named(made.run, name, workspace, threads=1)
    return workspace


@pytest.fixture
def registry(place: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """The models above, in a database of the test's own."""
    monkeypatch.setenv("HOMEFIELD_DATABASE", f"sqlite:///{tmp_path}/own.db")
    with open_registry(Workspace(place.root)) as opened:
        assert [one.version for one in opened.adopt()] == [1, 1, 2]
        yield opened


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory, cut: Made) -> Rows:
    """Records whose right answers are made from what the first version says: `as_said`, `never`, or as they are."""
    folder = tmp_path_factory.mktemp("rows")
    source = write_records(folder / "plain.csv", count=160, seed=9)
    predictor = Predictor(cut.bundle, threads=1)

    def make(name: str, right: Callable[[str, list[str]], str]) -> Path:
        with source.open(encoding="utf-8", newline="") as stream:
            texts = [row["text"] for row in csv.DictReader(stream)]
        labels = list(cut.bundle.manifest.labels)
        said = [one.label or labels[0] for one in predictor.predict(texts, evidence=0)]
        path = folder / f"{name}.csv"
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(["text", "label"])
            writer.writerows((text, right(one, labels)) for text, one in zip(texts, said, strict=True))
        return path

    return make


@pytest.fixture(scope="module")
def as_said(rows: Rows) -> Path:
    return rows("as_said", lambda said, _: said)


@pytest.fixture(scope="module")
def never(rows: Rows) -> Path:
    return rows("never", lambda said, labels: labels[(labels.index(said) + 1) % len(labels)])


def used(registry: Registry, name: str = "shop") -> int | None:
    found = champion_of(registry, name)
    return None if found is None else found.version


def last(registry: Registry) -> audit.Entry:
    with registry.store.read() as transaction:
        assert audit.verify(transaction).fault is None
        return audit.entries(transaction, most=1)[0]


def test_the_first_version_must_beat_the_baseline(registry: Registry, as_said: Path, never: Path) -> None:
    refused = promote_model(registry, "shop@1", never, by="li", threads=1)
    assert refused.moved is None
    assert [check.key for check in refused.gate.checks if not check.passed] == ["baseline"]
    assert used(registry) is None
    assert last(registry).what == "model.refused"
    promoted = promote_model(registry, "shop@1", as_said, by="li", threads=1)
    assert promoted.moved is not None
    assert used(registry) == 1
    assert registry.find("shop@champion").version == 1


def test_a_version_that_may_be_worse_is_refused_with_numbers(
    registry: Registry, as_said: Path, language: Language
) -> None:
    promote_model(registry, "shop@1", as_said, by="li", threads=1)
    refused = promote_model(registry, "shop@2", as_said, by="li", threads=1)
    assert refused.moved is None
    (check,) = [check for check in refused.gate.checks if check.key == "champion"]
    assert not check.passed
    assert check.difference is not None
    assert check.difference.low < -0.005
    said = check.sentence(language)
    assert "shop@1" in said
    assert f"{100 * check.difference.low:+.2f}" in said
    assert "160" in said
    assert used(registry) == 1
    values = refused.as_json()
    assert values["promoted"] is False
    assert values["gate"]["against"] == 1


def test_a_wider_margin_lets_it_pass(registry: Registry, as_said: Path) -> None:
    promote_model(registry, "shop@1", as_said, by="li", threads=1)
    assert promote_model(registry, "shop@2", as_said, by="li", margin=0.9, threads=1).moved is not None
    assert used(registry) == 2


def test_force_takes_a_reason_and_is_recorded(registry: Registry, as_said: Path, never: Path) -> None:
    promote_model(registry, "shop@1", as_said, by="li", threads=1)
    with pytest.raises(CallError) as caught:
        promote_model(registry, "shop@2", never, by="wang", force=True, why=" ")
    assert caught.value.code == "gate.force_needs_why"
    forced = promote_model(registry, "shop@2", never, by="wang", force=True, why="旧标签有误", threads=1)
    assert forced.forced
    assert used(registry) == 2
    entry = last(registry)
    assert (entry.who, entry.what, entry.subject) == ("wang", "model.promote", "shop@2")
    assert entry.details["forced"] is True
    assert entry.details["why"] == "旧标签有误"
    assert entry.details["from"] == 1
    assert entry.details["gate"]["passed"] is False


def test_rolling_back_is_seen_by_everyone(registry: Registry, as_said: Path) -> None:
    promote_model(registry, "shop@1", as_said, by="li", threads=1)
    promote_model(registry, "shop@2", as_said, by="li", margin=0.9, threads=1)
    with registry.store.read() as transaction:
        before = revisions.revision(transaction, revisions.REGISTRY)
        heard = events.last_sequence(transaction)
    moved = roll_back_model(registry, "shop", by="wang", why="投诉变多")
    assert (moved.version, used(registry)) == (1, 1)
    with registry.store.read() as transaction:
        assert revisions.revision(transaction, revisions.REGISTRY) > before
        (event,) = events.since(transaction, heard, topics=[TOPIC])
    assert event.data == {
        "kind": "model", "name": "shop", "alias": "champion", "version": 1, "what": "model.rollback",
    }  # fmt: skip
    assert last(registry).details["from"] == 2
    with pytest.raises(Refused) as caught:
        roll_back_model(registry, "shop", by="wang")
    assert caught.value.code == "gate.nothing_before"


def test_what_cannot_be_promoted(registry: Registry, as_said: Path, tmp_path: Path) -> None:
    promote_model(registry, "shop@1", as_said, by="li", threads=1)
    with pytest.raises(CallError, match="champion already"):
        promote_model(registry, "shop@1", as_said, by="li")
    with pytest.raises(CallError, match="has no version 9"):
        promote_model(registry, "shop@9", as_said, by="li")
    with pytest.raises(CallError) as caught:
        roll_back_model(registry, "shop@1", by="li")
    assert caught.value.code == "gate.name_alone"


def test_a_challenger_is_only_looked_at(registry: Registry) -> None:
    challenge_model(registry, "shop@2", by="li")
    assert registry.find("shop@challenger").version == 2
    assert used(registry) is None
    assert last(registry).what == "model.challenge"


def test_a_champion_that_came_meanwhile_is_not_overrun(registry: Registry) -> None:
    gate = Gate((Check("no_baseline", True, {}),), against=None, rows=0, source="x")
    promote(registry.store, Subject("model", "shop", 1), gate, by="li")
    with pytest.raises(Refused, match="Another version"):
        promote(registry.store, Subject("model", "shop", 2), gate, by="li")
    assert used(registry) == 1


def test_releases_of_an_application_go_through_the_same_door(registry: Registry) -> None:
    gate = Gate((Check("no_baseline", False, {}),), against=None, rows=0, source="x")
    found = promote(registry.store, Subject("application", "desk", 1), gate, by="li")
    assert found.moved is None
    assert last(registry).what == "application.refused"
    with registry.store.read() as transaction:
        assert aliases.standing(transaction, "application") == {}


def test_the_test_rows_of_a_dataset_serve(cut: Made, registry: Registry) -> None:
    file = records_in(cut.dataset.path)
    assert file.name == "test.parquet"
    found = promote_model(registry, "shop@1", cut.dataset.path, by="li", threads=1)
    assert found.gate.rows == cut.dataset.manifest.splits["test"]["rows"]
    assert {check.key for check in found.gate.checks} == {"alike", "baseline"}


def test_a_model_put_in_the_place_of_another_is_found(place: Workspace, registry: Registry, as_said: Path) -> None:
    folder, other = place.root / "models" / "shop" / "1", place.root / "models" / "shop" / "2"
    kept = folder.with_name("kept")
    folder.rename(kept)
    other.rename(folder)
    try:
        with pytest.raises(Tampered) as caught:
            promote_model(registry, "shop@1", as_said, by="li")
    finally:
        folder.rename(other)
        kept.rename(folder)
    assert caught.value.code == "bundle.other_seal"
    assert "shop@1" in str(caught.value)
