"""What `benchmarks/fuzz_routes.py` asks at length, in short: every route at random, with every key and without one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from homefield.ship import export_named
from homefield.workspace import Workspace

from ..apps.support.understanding.conftest import Shop, shop
from ..ship.models import Made
from .conftest import promote

__all__ = ["shop"]

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


def test_no_route_breaks_and_each_replies_as_it_is_described(
    shop: Shop, cut: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)
    import fuzz_routes

    workspace = Workspace(tmp_path / "w")
    shutil.copytree(shop.workspace.root, workspace.root)
    for _ in range(2):
        export_named(cut.run, "desk", workspace, threads=1)
    for name in ("desk", "support-shop"):
        promote(workspace, name, 1)
    with fuzz_routes.served(workspace) as (url, keys, known):
        rows = fuzz_routes.fuzz(url, keys, known, examples=4)
    assert len(rows) > 45
    assert {row.operation: row.faults for row in rows if row.faults} == {}
    # What is asked rightly is answered: the rest was not told "not found" all the time.
    deep = {row.operation: set(row.statuses) for row in rows if row.operation in known}
    del deep["POST /v1/models/{name}/promote"]  # the gate refuses
    assert len(deep) > 8
    assert [name for name, statuses in deep.items() if not {200, 201} & statuses] == []
