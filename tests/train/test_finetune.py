"""Whole runs, small: every way of training, what the folder holds, what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.numpy import load_file

from homefield.backbones.encode import encode
from homefield.errors import CallError
from homefield.events import Event, Listener, silent
from homefield.messages import LANGUAGES, text
from homefield.train.check import load_whole
from homefield.train.faults import RecipeFaults
from homefield.train.finetune import finetune
from homefield.train.recipe import load_recipe
from homefield.train.run import Run, open_run
from homefield.workspace import Workspace

from .conftest import rows_of, write_dataset

QUICK = {"backbone": "bigru", "epochs": 6, "batch": 16, "estimate": False, "baseline": False, "report": False}


def train(
    data: Path, out: Path, workspace: Workspace, listen: Listener = silent, *, resume: bool = False, **keys: Any
) -> Run:
    recipe = load_recipe(None, {**QUICK, **keys, "data": str(data)})
    return finetune(recipe, out, workspace=workspace, listen=listen, resume=resume)


def numbers(run: Run, kind: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (run.path / "metrics.jsonl").read_text().splitlines()]
    return [line for line in lines if line["kind"] == kind]


def test_a_run_learns_and_leaves_everything_in_its_folder(
    make_dataset: Callable[..., Path], workspace: Workspace, tmp_path: Path
) -> None:
    told: list[Event] = []
    run = train(make_dataset(), tmp_path / "run", workspace, told.append, log_every=2, estimate=True)
    assert run.status == "finished"
    assert run.metrics["test"]["accuracy"] >= 0.9
    assert sorted(path.name for path in run.path.iterdir() if path.name != "checkpoints") == [
        "beside.safetensors",
        "log.txt",
        "metrics.jsonl",
        "outputs",
        "recipe.toml",
        "run.json",
        "weights",
    ]
    assert not list((run.path / "checkpoints").glob("*"))
    assert "auto" not in (run.path / "recipe.toml").read_text().replace('device = "auto"', "").replace('"auto"\n', "")
    steps = numbers(run, "step")
    assert [line["step"] for line in steps] == [1, *range(2, 37, 2)]
    wanted = {"epoch", "loss", "learning_rate", "gradient_norm", "samples_per_second", "tokens_per_second", "padding"}
    assert wanted <= set(steps[0])
    assert steps[-1]["loss"] < 0.5 * steps[0]["loss"]
    assert [line["epoch"] for line in numbers(run, "evaluation")] == [1, 2, 3, 4, 5, 6]
    assert run.record["estimate"]["train_seconds"] > 0
    assert run.record["environment"]["probe"]["fp32"] > 0
    for event in told:
        for language in LANGUAGES:
            assert text(event.key, language, done=event.done, total=event.total, **event.values)


def test_the_kept_network_gives_the_kept_outputs(
    make_dataset: Callable[..., Path], workspace: Workspace, tmp_path: Path
) -> None:
    run = train(make_dataset(), tmp_path / "run", workspace, backbone="minilm-en", epochs=1)
    network = run.network()
    texts = run.dataset.frame("test")["text"].to_list()
    encoded = encode(texts, network.backbone.tokenizer, network.info.max_length)
    ids, mask = encoded.batch(np.arange(len(texts)), pad_id=network.backbone.pad_id)
    with torch.inference_mode():
        logits, vectors = network(torch.from_numpy(ids), torch.from_numpy(mask))
    kept = run.outputs("test")
    np.testing.assert_allclose(kept.logits, logits.numpy(), atol=2e-4)
    np.testing.assert_allclose(kept.vectors, vectors.numpy(), atol=2e-3)
    again = load_file(run.path / "outputs" / "test.safetensors")
    np.testing.assert_array_equal(again["logits"], kept.logits)


@pytest.mark.parametrize("how", ["top:2", "head", "lora:4@2"])
def test_cached_states_give_the_losses_of_the_whole_network(
    how: str, make_dataset: Callable[..., Path], workspace: Workspace, tmp_path: Path
) -> None:
    data = make_dataset(90)
    keys = {"backbone": "minilm-en", "train": how, "epochs": 1, "precision": "fp32", "log_every": 1}
    keys["head_dropout"] = 0.0
    cached = train(data, tmp_path / "cached", workspace, **keys)
    whole = train(data, tmp_path / "whole", workspace, **keys, cache=False)
    assert cached.frozen_to == {"top:2": 4, "head": 6, "lora:4@2": 4}[how]
    for a, b in zip(numbers(cached, "step"), numbers(whole, "step"), strict=True):
        assert a["loss"] == pytest.approx(b["loss"], abs=1e-3)
    assert (workspace.cache / "activations").is_dir()


@pytest.mark.parametrize("how", ["adapter:8@2", "gradual", "lora:4"])
def test_other_ways_of_training_learn_and_come_back(
    how: str, make_dataset: Callable[..., Path], workspace: Workspace, tmp_path: Path
) -> None:
    run = train(make_dataset(90), tmp_path / "run", workspace, backbone="minilm-en", train=how, epochs=2)
    losses = [line["loss"] for line in numbers(run, "evaluation")]
    assert losses[-1] < 1.0
    assert run.network().info.how == how


@pytest.mark.parametrize("backbone", ["bigru", "cnn-text"])
@pytest.mark.parametrize("precision", ["fp32", "autocast", "bf16"])
def test_every_arithmetic_learns_and_ends_in_float32(
    backbone: str, precision: str, make_dataset: Callable[..., Path], workspace: Workspace, tmp_path: Path
) -> None:
    run = train(
        make_dataset(),
        tmp_path / "run",
        workspace,
        precision=precision,
        backbone=backbone,
        epochs=3 if backbone == "cnn-text" else 6,
    )
    assert run.metrics["test"]["accuracy"] >= 0.9
    assert all(p.dtype == torch.float32 for p in run.network().parameters())
    assert run.record["environment"]["precision"] == precision


def test_fp32_is_repeatable_to_the_bit(make_dataset: Callable[..., Path], workspace: Workspace, tmp_path: Path) -> None:
    data = make_dataset(90)
    runs = [train(data, tmp_path / name, workspace, precision="fp32", epochs=1, dropout=0.1) for name in ("a", "b")]
    first, second = ((run.path / "weights" / "network.safetensors").read_bytes() for run in runs)
    assert first == second


def test_multilabel_learns_and_is_reported_beside_its_baseline(workspace: Workspace, tmp_path: Path) -> None:
    texts, labels = zip(*rows_of(160), strict=True)
    several = [[label, "long"] if len(words) > 40 else [label] for words, label in zip(texts, labels, strict=True)]
    data = write_dataset(tmp_path / "data", texts, several, kind="categories")
    run = train(data, tmp_path / "run", workspace, backbone="bigru", epochs=8, baseline=True, report=True)
    assert run.recipe.task == "multilabel"
    assert run.metrics["test"]["f1_micro"] > 0.7
    found = run.record["assessment"]
    assert found["metric"] == "f1_micro"
    assert found["majority"] < found["baseline"] <= 1.0
    assert "<svg" in (run.path / "report.html").read_text(encoding="utf-8")


def test_regress_learns_and_is_reported_beside_its_baseline(workspace: Workspace, tmp_path: Path) -> None:
    texts, _ = zip(*rows_of(160), strict=True)
    data = write_dataset(tmp_path / "data", texts, [float(len(words)) for words in texts], kind="number")
    run = train(data, tmp_path / "run", workspace, backbone="bigru", epochs=12, baseline=True, report=True)
    assert run.recipe.task == "regress"
    assert run.metrics["test"]["r2"] > 0.3
    assert run.record["assessment"]["baseline"] > 0.3
    assert json.loads((run.path / "report.json").read_text(encoding="utf-8"))["assessment"]["metric"] == "r2"


def test_the_best_weights_are_kept_and_patience_ends_the_run(
    make_dataset: Callable[..., Path], workspace: Workspace, tmp_path: Path
) -> None:
    run = train(make_dataset(), tmp_path / "run", workspace, epochs=30, patience=2, metric="accuracy")
    evaluations = numbers(run, "evaluation")
    assert run.record["stopped_early"]
    assert len(evaluations) < 30
    peak, rows = max(line["accuracy"] for line in evaluations), run.record["rows"]["validation"]
    slack = (peak * (1 - peak) / rows) ** 0.5
    last = [line for line in evaluations if line["accuracy"] >= peak - slack][-1]
    expected = {"step": last["step"], "epoch": last["epoch"], "metric": "accuracy", "value": last["accuracy"]}
    assert run.record["best"] == expected
    assert run.metrics["validation"]["accuracy"] == pytest.approx(last["accuracy"])


def test_without_validation_rows_the_last_weights_are_kept_and_it_is_said(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from . import conftest

    monkeypatch.setattr(conftest, "SHARES", {"train": 0.8, "validation": 0.0, "calibration": 0.1, "test": 0.1})
    texts, labels = zip(*rows_of(120), strict=True)
    told: list[Event] = []
    data = write_dataset(tmp_path / "d", texts, labels)
    run = train(data, tmp_path / "run", workspace, told.append, epochs=2)
    assert "train.no_validation" in [event.key for event in told]
    assert run.record["best"] is None
    assert run.temperature == 1.0
    with pytest.raises(RecipeFaults, match="patience needs a validation split"):
        train(data, tmp_path / "other", workspace, patience=2)


def test_faults_against_dataset_and_backbone_come_together(
    make_dataset: Callable[..., Path], workspace: Workspace, tmp_path: Path
) -> None:
    data = make_dataset(60)
    with pytest.raises(RecipeFaults) as raised:
        train(
            data,
            tmp_path / "run",
            workspace,
            task="regress",
            data_hash="0" * 64,
            backbone="minilm-en",
            train="top:9",
            max_length=4000,
            device="cuda",
        )
    said = raised.value.what("en")
    assert "the dataset's labels are category, which `classify` learns; got `regress`" in said
    assert "The recipe was written for another dataset" in said
    assert "top:9 asks for more blocks than minilm-en has: it has 6" in said
    assert "minilm-en reads at most 512 tokens; got 4000" in said
    assert "this machine has none" in said
    assert raised.value.what("zh").count("\n  ") == 5
    assert not (tmp_path / "run").exists()


def test_unknown_keys_and_faults_against_the_dataset_come_together(
    make_dataset: Callable[..., Path], workspace: Workspace
) -> None:
    keys = {"data": str(make_dataset(60)), "epoch": 3, "train": "top:x", "backbone": "minilm-em", "batch": 0}
    with pytest.raises(RecipeFaults) as raised:
        load_whole(None, keys, workspace)
    assert [fault.key for fault in raised.value.faults] == ["batch", "epoch", "backbone", "train"]
    assert "epochs" in raised.value.what("en")
    assert "minilm-en" in raised.value.what("en")


def test_labels_that_cannot_be_learned_are_faults(workspace: Workspace, tmp_path: Path) -> None:
    texts, labels = zip(*rows_of(60), strict=True)
    with pytest.raises(RecipeFaults, match="there is only one class"):
        train(write_dataset(tmp_path / "one", texts, ["card"] * 60), tmp_path / "run", workspace)
    single = write_dataset(tmp_path / "single", texts, ["rare", *labels[1:]])
    with pytest.raises(RecipeFaults, match="1 classes have fewer than 2 rows in the dataset: rare"):
        train(single, tmp_path / "run", workspace)
    absent = write_dataset(tmp_path / "absent", texts, [*labels[:-2], "late", "late"])
    with pytest.raises(RecipeFaults, match="1 classes have no training row: late"):
        train(absent, tmp_path / "run", workspace)
    empty = write_dataset(tmp_path / "empty", texts, [None, *labels[1:]], names=sorted(set(labels)))
    with pytest.raises(RecipeFaults, match=r"1 training rows have no label \(rows 1 of"):
        train(empty, tmp_path / "run", workspace)
    broken = write_dataset(tmp_path / "nan", texts, [float("nan"), *map(float, range(59))], kind="number")
    with pytest.raises(RecipeFaults, match="no finite number"):
        train(broken, tmp_path / "run", workspace)
    with pytest.raises(RecipeFaults, match="the dataset has no labels"):
        train(write_dataset(tmp_path / "none", texts, [None] * 60, kind="none"), tmp_path / "run", workspace)
    assert train(single, tmp_path / "run", workspace, min_rows=1, epochs=1).status == "finished"


def test_a_folder_with_something_in_it_is_not_overwritten(
    make_dataset: Callable[..., Path], workspace: Workspace, tmp_path: Path
) -> None:
    data = make_dataset(60)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine.txt").write_text("mine")
    with pytest.raises(CallError, match="already something"):
        train(data, tmp_path / "run", workspace)
    with pytest.raises(CallError, match="no run at"):
        train(data, tmp_path / "run", workspace, resume=True)
    with pytest.raises(CallError, match="no run at"):
        open_run(tmp_path / "nowhere")


def test_a_loss_that_is_no_number_ends_the_run_with_advice(
    make_dataset: Callable[..., Path], workspace: Workspace, tmp_path: Path
) -> None:
    data = make_dataset(90)
    with pytest.raises(CallError, match="lower learning rate") as raised:
        train(data, tmp_path / "run", workspace, learning_rate=1e30, optimizer="sgd", clip=0, log_every=1)
    assert raised.value.code == "train.diverged"
    assert open_run(tmp_path / "run").status == "failed"
    # There is nothing to go on from, so the same folder takes the run that heeds the advice.
    assert train(data, tmp_path / "run", workspace, epochs=1).status == "finished"


def test_each_row_of_the_outputs_belongs_to_the_row_of_the_split(
    make_dataset: Callable[..., Path], workspace: Workspace, tmp_path: Path
) -> None:
    run = train(make_dataset(), tmp_path / "run", workspace, epochs=6)
    for split in ("validation", "calibration", "test"):
        frame: pl.DataFrame = run.dataset.frame(split)  # type: ignore[arg-type]
        guesses = [run.labels[place] for place in run.outputs(split).logits.argmax(axis=1)]
        agreed = np.mean([a == b for a, b in zip(guesses, frame["label"], strict=True)])
        assert agreed == pytest.approx(run.metrics[split]["accuracy"])


@pytest.mark.parametrize(("how", "said"), [("top:1", "train.noise_cached"), ("all", "train.noise_not_cached")])
def test_noisy_variants_take_turns_and_it_is_said_whether_they_are_cached(
    how: str, said: str, make_dataset: Callable[..., Path], workspace: Workspace, tmp_path: Path
) -> None:
    told: list[Event] = []
    keys = {"backbone": "minilm-en", "train": how, "epochs": 3, "augment": "usual", "augment_variants": 9}
    run = train(make_dataset(60), tmp_path / "run", workspace, told.append, log_every=1, **keys)
    assert [event.values["variants"] for event in told if event.key == said] == [2]
    caches = list((workspace.cache / "activations").glob("*")) if how == "top:1" else []
    assert len(caches) == (3 + 3 if how == "top:1" else 0), "originals and two variants, three held-out splits"
    assert run.status == "finished"


def test_noise_that_there_is_none_of_is_a_fault(
    make_dataset: Callable[..., Path], workspace: Workspace, tmp_path: Path
) -> None:
    with pytest.raises(RecipeFaults, match=r"augment: expected none, usual, or kinds.*Did you mean deletions\?"):
        train(make_dataset(60), tmp_path / "run", workspace, augment="deletion:0.2")
