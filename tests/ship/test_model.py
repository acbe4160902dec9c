from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from safetensors.torch import load_file, save_file

from homefield.bundle import open_bundle
from homefield.bundle.manifest import write_manifest
from homefield.bundle.registry import open_registry
from homefield.data.dataset import open_dataset
from homefield.errors import CallError, Refused, Tampered
from homefield.messages import Language, text
from homefield.serve import Predictor
from homefield.ship import export, export_named
from homefield.ship import model as model_module
from homefield.ship.graphs import Graphs
from homefield.store import artifacts_of
from homefield.train.run import Run, open_run, read_network, write_network
from homefield.workspace import Workspace

from .models import Made
from .runs import forward, make_run


def test_what_is_served_is_what_was_trained(cut: Made, sets: Made, number: Made) -> None:
    for made in (cut, sets, number):
        texts = made.dataset.frame("test")["text"].to_list()
        expected, vectors = forward(made.run.network(), texts)
        served = made.predictor(precision="fp32").outputs(texts)
        np.testing.assert_allclose(served.logits, expected, atol=1e-3)
        np.testing.assert_allclose(served.vectors, vectors, atol=1e-3)
        alone = made.predictor(precision="fp32").outputs(texts[:1])
        np.testing.assert_allclose(alone.logits, expected[:1], atol=1e-3)


def test_parity_is_measured_and_kept(cut: Made) -> None:
    parity = cut.bundle.manifest.parity
    assert parity["fp32"] < 1e-3
    assert parity["merged"] < 1e-3
    assert parity["int8"]["drop"] <= max(0.005, 1 / parity["int8"]["rows"])
    assert parity["int8"]["rows"] == cut.dataset.rows("validation")


def test_runs_on_the_same_frozen_layers_ship_the_same_frozen_part(cut: Made, twin: Made) -> None:
    for precision in ("fp32", "int8"):
        first, second = cut.bundle.parts(precision), twin.bundle.parts(precision)
        assert first.frozen == second.frozen
        assert first.frozen is not None
        assert cut.bundle.file(first.frozen).read_bytes() == twin.bundle.file(first.frozen).read_bytes()
        assert cut.bundle.file(first.head).read_bytes() != twin.bundle.file(second.head).read_bytes()


def test_a_run_tuned_whole_ships_whole(sets: Made) -> None:
    assert sets.bundle.parts("int8").frozen is None
    assert not list(sets.bundle.path.rglob("frozen-*"))


def test_the_network_in_it_can_be_trained_further(cut: Made) -> None:
    texts = cut.dataset.frame("test")["text"].to_list()
    again = read_network(cut.bundle.path / "weights")
    np.testing.assert_allclose(forward(again, texts)[0], forward(cut.run.network(), texts)[0], atol=1e-5)


def test_lora_is_merged(cut: Made, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", cut.dataset, how="lora:2@1")
    bundle = export(run, tmp_path / "model", threads=1, evidence=0)
    assert bundle.manifest.how == "lora:2@1"
    again = read_network(bundle.path / "weights")
    assert not [name for name in again.state_dict() if "lora" in name]
    texts = cut.dataset.frame("test")["text"].to_list()
    np.testing.assert_allclose(forward(again, texts)[0], forward(run.network(), texts)[0], atol=1e-3)
    assert len(bundle.evidence_vectors()) == 0
    assert "evidence.parquet" not in bundle.manifest.files


def test_the_risk_budget_is_bought_on_calibration_and_told(cut: Made, language: Language) -> None:
    risk = cut.bundle.manifest.thresholds.risk
    assert risk is not None
    assert risk["rows"] == cut.dataset.rows("calibration")
    assert 0 < risk["automatic_rate"] <= 1
    assert risk["bound"] <= 0.1
    event = next(event for event in cut.told if event.key == "ship.risk_bought")
    sentence = text(event.key, language, **event.values)
    assert "10 %" in sentence
    assert f"{100 * risk['automatic_rate']:.1f} %" in sentence


def test_the_budget_holds_for_what_is_decided(cut: Made) -> None:
    risk = cut.bundle.manifest.thresholds.risk
    assert risk is not None
    frame = cut.dataset.frame("calibration")
    found = cut.predictor().predict(frame["text"].to_list(), evidence=0)
    said = [(one.label, right) for one, right in zip(found, frame["label"], strict=True) if one.decision == "answer"]
    assert len(said) == risk["automatic"]
    assert sum(label != right for label, right in said) == risk["errors"]


def test_evidence_carries_file_and_row(cut: Made) -> None:
    rows = cut.bundle.evidence_rows()
    assert rows.columns == ["text", "label", "source", "row"]
    assert rows["source"].unique().to_list() == ["records.csv"]
    assert sorted(rows["row"]) == sorted(cut.dataset.frame("train")["row"])
    assert cut.bundle.evidence_vectors().dtype == np.float16


def test_the_card_speaks_both_languages(cut: Made, number: Made) -> None:
    card = (cut.bundle.path / "card.md").read_text(encoding="utf-8")
    for part in ("# 模型卡：", "# Model card: ", "## 局限", "## Limits", "风险预算 10 %", "Risk budget 10 %"):
        assert part in card
    assert "{" not in card.replace("{%", "")
    assert "±" in (number.bundle.path / "card.md").read_text(encoding="utf-8")


def graphs_of(made: Made, change: tuple[str, float, float] | None = None) -> Graphs:
    """What the export wrote, which is the same each time; with numbers of a weight of the head changed."""
    parts = made.bundle.parts("fp32")
    assert parts.frozen is not None
    head = onnx.load(made.bundle.file(parts.head))
    if change is not None:
        name, factor, more = change
        weight = next(one for one in head.graph.initializer if one.name.endswith(f"head.1.{name}"))
        values = onnx.numpy_helper.to_array(weight).copy() * np.float32(factor)
        values.reshape(-1)[1] += np.float32(more)
        weight.CopyFrom(onnx.numpy_helper.from_array(values, weight.name))
    return Graphs(made.bundle.file(parts.frozen).read_bytes(), head.SerializeToString())


def test_the_report_of_the_run_comes_along(cut: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_module, "export_graphs", lambda _: graphs_of(cut))
    shutil.copytree(cut.run.path, tmp_path / "run")
    (tmp_path / "run" / "report.html").write_text("<html>", encoding="utf-8")
    bundle = export(open_run(tmp_path / "run"), tmp_path / "model", threads=1)
    assert bundle.file("report.html").read_text(encoding="utf-8") == "<html>"


def changed_run(cut: Made, folder: Path, change: Any) -> Run:
    shutil.copytree(cut.run.path, folder)
    file = folder / "weights" / "network.safetensors"
    state = load_file(file)
    change(state)
    save_file(state, file)
    return open_run(folder)


def test_weights_that_are_not_the_runs_are_refused(cut: Made, tmp_path: Path, language: Language) -> None:
    def change(state: dict[str, torch.Tensor]) -> None:
        state["head.1.bias"][2] += 0.5

    with pytest.raises(Refused) as caught:
        export(changed_run(cut, tmp_path / "run", change), tmp_path / "model", threads=1)
    assert caught.value.code == "ship.parity_weights"
    said = caught.value.what(language)
    assert "records.csv:" in said
    assert cut.bundle.manifest.labels[2] in said
    assert not (tmp_path / "model").exists()


def test_an_export_that_parts_is_refused_naming_row_label_and_both_numbers(
    cut: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: Language
) -> None:
    monkeypatch.setattr(model_module, "export_graphs", lambda _: graphs_of(cut, ("bias", 1.0, 0.01)))
    with pytest.raises(Refused) as caught:
        export(cut.run, tmp_path / "model", threads=1)
    error = caught.value
    assert error.code == "ship.parity_fp32"
    assert error.values["label"] == cut.bundle.manifest.labels[1]
    assert abs(abs(float(str(error.values["expected"])) - float(str(error.values["got"]))) - 0.01) < 2e-3
    assert str(error.values["row"]) in error.what(language)
    assert list(tmp_path.iterdir()) == []


def test_quantising_that_costs_too_much_is_refused(
    cut: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: Language
) -> None:
    ways = []

    def ruin(graphs: Graphs, way: Any) -> Graphs:
        ways.append(way.name)
        return graphs_of(cut, ("weight", -1.0, 0.0))

    monkeypatch.setattr(model_module, "export_graphs", lambda _: graphs_of(cut))
    monkeypatch.setattr(model_module, "quantise", ruin)
    with pytest.raises(Refused) as caught:
        export(cut.run, tmp_path / "model", threads=1)
    assert ways == ["all", "products"]
    assert caught.value.code == "ship.parity_int8"
    said = caught.value.what(language)
    assert "accuracy" in said
    assert f"{caught.value.values['drop']}" in said
    assert not (tmp_path / "model").exists()


def test_another_dataset_in_its_place_is_refused(cut: Made, tmp_path: Path) -> None:
    shutil.copytree(cut.run.path, tmp_path / "run")
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    record["dataset"]["hash"] = "0" * 64
    (tmp_path / "run" / "run.json").write_text(json.dumps(record))
    with pytest.raises(CallError, match="learned from the dataset with hash 0000000000000000"):
        export(open_run(tmp_path / "run"), tmp_path / "model")


def test_a_changed_dataset_is_refused(cut: Made, tmp_path: Path) -> None:
    shutil.copytree(cut.dataset.path, tmp_path / "dataset")
    (tmp_path / "dataset" / "train.parquet").write_bytes(b"changed")
    run = Run(cut.run.path, cut.run.recipe.model_copy(update={"data": str(tmp_path / "dataset")}))
    with pytest.raises(Tampered, match=r"train\.parquet"):
        export(run, tmp_path / "model")
    assert open_dataset(cut.dataset.path)


def test_an_unfinished_run_is_refused(cut: Made, tmp_path: Path) -> None:
    shutil.copytree(cut.run.path, tmp_path / "run")
    (tmp_path / "run" / "run.json").write_text('{"status": "interrupted"}')
    with pytest.raises(CallError, match="is interrupted, not finished"):
        export(open_run(tmp_path / "run"), tmp_path / "model")


@pytest.mark.parametrize("risk", [0, 1, -0.1, 2, float("nan")])
def test_a_risk_that_is_no_share_is_refused(cut: Made, tmp_path: Path, risk: float) -> None:
    with pytest.raises(CallError, match="between 0 and 1"):
        export(cut.run, tmp_path / "model", risk=risk)


def test_a_number_takes_no_risk_budget(number: Made, tmp_path: Path) -> None:
    with pytest.raises(CallError, match="interval instead"):
        export(number.run, tmp_path / "model", risk=0.1)


def test_a_folder_with_something_in_it_is_kept(cut: Made, tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("x")
    with pytest.raises(CallError) as caught:
        export(cut.run, tmp_path)
    assert caught.value.code == "files.exists"
    assert [file.name for file in tmp_path.iterdir()] == ["precious.txt"]


def test_by_name_it_becomes_the_next_version(cut: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = Workspace(tmp_path)
    # What is exported does not matter here, and costs seconds: a model that is there stands in for it.
    monkeypatch.setattr(model_module, "export", _copy_of(cut))
    for expected in (1, 2):
        bundle = export_named(cut.run, "shop", workspace)
        assert bundle.path == artifacts_of(workspace).models / "shop" / str(expected)
        with open_registry(workspace) as registry:
            assert registry.find("shop").version == expected
    with pytest.raises(CallError) as caught:
        export_named(cut.run, "../shop", workspace)
    assert caught.value.code == "bundle.bad_name"


def _copy_of(cut: Made) -> Any:
    def copy(run: Run, out: Path, *, name: str, version: int, threads: int | None, job: str | None = None) -> Any:
        assert job is None
        assert name == "shop"
        assert str(version) == out.name
        shutil.copytree(cut.bundle.path, out)
        manifest = replace(cut.bundle.manifest, name=name, version=version)
        (out / "manifest.json").write_bytes(write_manifest(manifest))
        return open_bundle(out)

    return copy


def test_predictions_name_the_version(cut: Made) -> None:
    manifest = replace(cut.bundle.manifest, name="shop", version=4)
    predictor = Predictor(replace(cut.bundle, manifest=manifest), threads=1)
    assert predictor.predict(["my card"])[0].model == "shop@4"


def test_write_network_reads_back_with_its_blueprint(cut: Made, tmp_path: Path) -> None:
    network = read_network(cut.bundle.path / "weights")
    write_network(network, tmp_path / "weights", extra={})
    assert read_network(tmp_path / "weights").info == network.info
