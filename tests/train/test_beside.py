"""N-grams beside a network: fitted after training, in what the run keeps, in what is shipped."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from homefield.events import Event
from homefield.serve import Predictor
from homefield.ship import export
from homefield.ship.material import network_logits
from homefield.train.finetune import finetune
from homefield.train.recipe import load_recipe
from homefield.workspace import Workspace

from .conftest import rows_of, write_dataset


def test_n_grams_stand_beside_a_weak_network_and_outputs_are_of_both(tmp_path: Path) -> None:
    texts, labels = zip(*rows_of(600), strict=True)
    data, workspace = write_dataset(tmp_path / "data", texts, labels), Workspace(tmp_path / "workspace")
    told: list[Event] = []
    hardly = {"epochs": 1, "learning_rate": 1e-6, "head_learning_rate": 1e-6}
    keys = {"data": str(data), "backbone": "bigru", "report": False, "baseline": False, **hardly}
    run = finetune(load_recipe(None, keys), tmp_path / "run", workspace=workspace, listen=told.append)
    reached = run.record["beside"]
    assert reached["ngrams"] > reached["network"]
    assert reached["both"] >= reached["ngrams"]
    assert "train.beside_kept" in [event.key for event in told]
    beside = run.beside()
    assert beside is not None
    frame = run.dataset.frame("validation")
    alone = network_logits(run.network(), frame["text"].to_list())
    np.testing.assert_allclose(run.outputs("validation").logits, beside.join(alone, frame["text"].to_list()), atol=2e-2)
    bundle = export(run, tmp_path / "model", threads=1)
    assert bundle.manifest.beside["both"] == reached["both"]
    served = Predictor(bundle, threads=1).outputs(frame["text"].to_list())
    same = served.logits.argmax(axis=1) == run.outputs("validation").logits.argmax(axis=1)
    assert same.mean() > 0.98
    card = (bundle.path / "card.md").read_text(encoding="utf-8")
    assert "N-grams stand beside the network" in card
    assert "n 元字与网络并用" in card


def test_without_n_grams_a_network_stands_alone(tmp_path: Path) -> None:
    texts, labels = zip(*rows_of(200), strict=True)
    data, workspace = write_dataset(tmp_path / "data", texts, labels), Workspace(tmp_path / "workspace")
    keys = {"data": str(data), "backbone": "bigru", "epochs": 1, "report": False, "baseline": False, "beside": "none"}
    run = finetune(load_recipe(None, keys), tmp_path / "run", workspace=workspace)
    assert "beside" not in run.record
    assert run.beside() is None


def test_where_few_rows_cannot_tell_both_stand_together_and_it_is_said(tmp_path: Path) -> None:
    texts, labels = zip(*rows_of(120), strict=True)
    data, workspace = write_dataset(tmp_path / "data", texts, labels), Workspace(tmp_path / "workspace")
    told: list[Event] = []
    keys = {"data": str(data), "backbone": "bigru", "epochs": 1, "report": False, "baseline": False}
    run = finetune(load_recipe(None, keys), tmp_path / "run", workspace=workspace, listen=told.append)
    rows = run.dataset.rows("validation")
    assert 0 < rows < 50
    assert run.record["beside"]["rows"] == rows
    assert run.beside() is not None
    assert {event.key: event.values for event in told}["train.beside_few"] == {"rows": rows}
