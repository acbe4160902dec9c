"""The short form of `benchmarks/serve_faults`: nothing acknowledged is lost; and a loss would be seen."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from homefield.bundle.registry import open_registry
from homefield.store import open_store
from homefield.store.ids import new_id
from homefield.workspace import Workspace

from ..ship.models import Made
from .conftest import promote

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def benchmark() -> Iterator[ModuleType]:
    import importlib

    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)
        yield importlib.import_module("serve_faults")


@pytest.fixture
def place(shop: Workspace, cut: Made, tmp_path: Path) -> Workspace:
    """As the benchmark's: two versions of `shop`, and a run to export."""
    place = Workspace(tmp_path)
    shutil.copytree(shop.root / "models", place.root / "models")
    shutil.copytree(cut.run.path, place.runs / "one")
    with open_registry(place) as registry:
        registry.adopt()
    promote(place, "shop", 1)
    return place


def test_what_was_acknowledged_survives_kills(benchmark: ModuleType, place: Workspace) -> None:
    found = benchmark.tried(
        place, ["worker", "job", "server", "jobs"], random.Random(0), pace=0.6, orders=("wait", "prepare")
    )
    assert found["faults"] == []
    assert min(found[f"acknowledged: {kind}"] for kind in ("predictions", "corrections", "uploads", "jobs")) > 0


def test_a_loss_would_be_seen(benchmark: ModuleType, place: Workspace) -> None:
    from fault_clients import Ledger

    ledger = Ledger()
    with open_store(place) as store:
        assert benchmark.missing(store, place, ledger) == []
        ledger.predictions[new_id()] = "my card was stolen"
        ledger.corrections["once"] = (new_id(), new_id(), "card")
        ledger.uploads[new_id()] = "0" * 64
        ledger.jobs["once"] = new_id()
        ledger.moves.append(("why", 2))
        (place.root / "uploads" / new_id()).mkdir(parents=True)
        (place.root / "models" / "shop" / "9").mkdir()
        (place.root / "models" / "shop" / "2" / "card.md").write_text("changed")
        said = "\n".join(benchmark.missing(store, place, ledger))
    for part in ("prediction", "correction", "upload", "job", "moves", "shop@2", "shop/9", "nobody knows"):
        assert part in said, said
