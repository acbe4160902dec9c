"""One model from real records on the backbone that is carried along, from file to prediction."""

from __future__ import annotations

from pathlib import Path

from homefield.data import PrepareOptions, prepare
from homefield.serve import Predictor
from homefield.ship import export
from homefield.train.finetune import finetune
from homefield.train.recipe import load_recipe
from homefield.workspace import Workspace

from .runs import write_records


def test_minilm_from_records_to_predictions(tmp_path: Path) -> None:
    records = write_records(tmp_path / "records.csv", count=240)
    columns = {"text": "text", "label": "label"}
    prepare([records], tmp_path / "data", columns=columns, options=PrepareOptions(near_threshold=1.0, suspects_rows=0))
    keys = {"data": str(tmp_path / "data"), "backbone": "minilm-en", "train": "top:1", "epochs": 2, "report": False}
    run = finetune(load_recipe(None, keys), tmp_path / "run", workspace=Workspace(tmp_path / "space"))
    bundle = export(run, tmp_path / "model", risk=0.2)
    assert bundle.manifest.parity["fp32"] < 1e-3
    frozen = bundle.parts("int8").frozen
    assert frozen is not None
    assert bundle.manifest.frozen_to == 5
    found = Predictor(bundle).predict(["somebody took my card", ""])
    assert found[0].label == "card"
    assert found[0].evidence[0].label == "card"
    assert found[1].reason == "empty"
