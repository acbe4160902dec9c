"""Makes `first.tar.xz`: a workspace as the first release leaves one. Run once for a release, then never changed.

    python -m tests.upgrade.make

A database with the first tables (version 0001), a model in bundle format 1, a small dataset.
"""

from __future__ import annotations

import tarfile
import tempfile
from pathlib import Path

from homefield.bundle.registry import facts_of
from homefield.data import prepare
from homefield.ship import export
from homefield.store import DATABASE, aliases, audit, connect, feedback, new_id, now, predictions, versions
from homefield.store.predictions import PredictionRow
from homefield.store.schema import migrate_to

from ..ship.runs import make_dataset, make_run, write_records

FILE = Path(__file__).parent / "first.tar.xz"


def main() -> None:
    """Make it anew."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "workspace"
        root.mkdir()
        data = make_dataset(Path(folder) / "data", count=200)
        run = make_run(Path(folder) / "run", data)
        bundle = export(run, root / "models/shop/1", name="shop", version=1, evidence=20, threads=1)
        prepare([write_records(Path(folder) / "few.csv", count=60)], root / "datasets/few")
        with connect(f"sqlite:///{DATABASE}", root) as store, store.write() as transaction:
            migrate_to(transaction, "0001")
            seal = bundle.manifest.seal
            versions.add_model_version(
                transaction, "shop", 1, seal=seal, facts=facts_of(bundle.manifest), uri="models/shop/1", by="li"
            )
            row = PredictionRow(
                new_id(), "shop", 1, seal, "r-1", {"label": "card"}, now(), customer="c-1", text="我的卡呢"
            )
            predictions.record(transaction, [row])
            feedback.add(transaction, row.id, "refund", by="王", why="要退款")
            aliases.move(transaction, "model", "shop", "champion", 1, by="li")
            audit.append(transaction, "li", "model.promote", "shop@1", {"gate": "held"})
        with tarfile.open(FILE, "w:xz") as archive:
            archive.add(root, arcname="workspace")


if __name__ == "__main__":
    main()
