"""Pairs through the real loop: at any memory, killed and resumed, on two processes, with and without labels."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from homefield.data import PrepareOptions, prepare
from homefield.errors import RecipeError
from homefield.evaluate.pairs import pair_rows
from homefield.train.check import check_recipe
from homefield.train.finetune import finetune
from homefield.train.mining import hardest
from homefield.train.pairs import matters
from homefield.train.recipe import load_recipe
from homefield.workspace import Workspace

from .test_distributed import free_port

DRIVER = Path(__file__).with_name("driver.py")
QUIET = {"estimate": False, "baseline": False, "report": False, "precision": "fp32", "backbone": "bigru"}
THINGS = ["card", "loan", "parcel", "garden", "ticket", "window", "doctor", "bridge", "piano", "letter"]
ACTS = ["lost", "late", "broken", "wrong", "expensive", "new", "missing", "closed", "open", "cheap"]
SHARES = {"train": 0.6, "validation": 0.15, "calibration": 0.15, "test": 0.1}


def write_pairs(folder: Path, *, count: int = 100, labelled: bool = True, other: bool = True) -> Path:
    random = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "pairs.csv").open("w", newline="", encoding="utf-8") as stream:
        out = csv.writer(stream)
        out.writerow(["text", *(["other"] if other else []), *(["same"] if labelled and other else [])])
        for number in range(count):
            thing, act = THINGS[number % 10], ACTS[number // 10 % 10]
            same = not labelled or number % 3 > 0
            seen = act if same else str(random.choice([one for one in ACTS if one != act]))
            row = [
                f"please help, my {thing} {number} is {act}",
                f"{seen} is the {thing} with number {number}",
                int(same),
            ]
            out.writerow([row[0], *(row[1:2] if other else []), *(row[2:] if labelled and other else [])])
    return folder / "pairs.csv"


def pairs_data(folder: Path, **how: Any) -> Path:
    options = PrepareOptions(shares=SHARES, near_threshold=1.0, suspects_rows=0)
    columns = {"text": "text"} | ({"other": "other"} if how.get("other", True) else {})
    return prepare([write_pairs(folder, **how)], folder / "data", columns=columns, options=options).path


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pairs_data(tmp_path_factory.mktemp("pairs"))


def train(data: Path, out: Path, workspace: Workspace, **keys: Any) -> Any:
    return finetune(load_recipe(None, {**QUIET, "data": str(data), **keys}), out, workspace=workspace)


def weights(out: Path) -> dict[str, torch.Tensor]:
    return load_file(out / "weights" / "network.safetensors")


def test_pairs_are_learned_and_reported(data: Path, workspace: Workspace, tmp_path: Path) -> None:
    run = train(data, tmp_path / "run", workspace, backbone="cnn-text", epochs=6, batch=32, report=True, baseline=True)
    record = run.record
    assert record["task"] == "match"
    assert record["output"] == "vector"
    assert record["rows"]["train"] == 60
    assert record["metrics"]["test"]["candidates"] == 100
    assert record["assessment"]["rival"] in ("tfidf", "bm25")
    assert record["same"]["slope"] > 0
    epochs = [json.loads(line) for line in (run.path / "metrics.jsonl").read_text().splitlines()]
    seen = [line for line in epochs if line["kind"] == "evaluation"]
    assert {"mrr", "recall_1", "auc", "accuracy", "loss"} <= set(seen[0])
    assert [line["loss"] for line in epochs if line["kind"] == "step"][-1] < 1.5
    assert not (run.path / "mined").exists()
    report = (run.path / "report.html").read_text(encoding="utf-8")
    assert "BM25" in report
    assert json.loads((run.path / "report.json").read_text())["assessment"]["rivals"]["bm25"]


def test_little_memory_gives_the_same_weights(data: Path, workspace: Workspace, tmp_path: Path) -> None:
    keys = {"epochs": 2, "batch": 30, "dropout": 0.0, "seed": 3}
    whole = train(data, tmp_path / "whole", workspace, tokens=100_000, **keys)
    parts = train(data, tmp_path / "parts", workspace, tokens=60, **keys)
    for name, tensor in weights(whole.path).items():
        torch.testing.assert_close(tensor, weights(parts.path)[name], rtol=1e-3, atol=2e-4)


def test_a_teacher_s_vectors_are_learned_from_at_constant_memory_and_by_any_width(
    data: Path, workspace: Workspace, tmp_path: Path
) -> None:
    teacher = train(data, tmp_path / "teacher", workspace, backbone="cnn-text", epochs=4, batch=30)
    keys = {"epochs": 2, "batch": 30, "teacher": str(teacher.path), "soft": 1.0, "seed": 3}
    whole = train(data, tmp_path / "whole", workspace, tokens=100_000, **keys)
    parts = train(data, tmp_path / "parts", workspace, tokens=60, **keys)
    assert whole.network().outputs != teacher.network().outputs
    for name, tensor in weights(whole.path).items():
        torch.testing.assert_close(tensor, weights(parts.path)[name], rtol=1e-3, atol=2e-4)
    lines = [json.loads(line) for line in (whole.path / "metrics.jsonl").read_text().splitlines()]
    losses = [line["loss"] for line in lines if line["kind"] == "step"]
    assert losses[-1] < losses[0]
    with pytest.raises(RecipeError, match="texts of the dataset alone"):
        train(data, tmp_path / "more", workspace, **keys, unlabelled="more.csv")


def test_dropping_out_is_the_same_in_both_runs_of_a_part(data: Path, workspace: Workspace, tmp_path: Path) -> None:
    keys = {"epochs": 1, "batch": 30, "dropout": 0.3, "tokens": 60, "negatives": 0}
    first = train(data, tmp_path / "first", workspace, **keys)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("homefield.train.pairs.HELD", 1_000)
        patch.setattr("homefield.train.pairs.Coupled.held", 1_000)
        held = train(data, tmp_path / "held", workspace, **keys)
    for name, tensor in weights(first.path).items():
        torch.testing.assert_close(tensor, weights(held.path)[name], rtol=1e-3, atol=2e-4)


def test_two_processes_learn_what_one_learns(data: Path, workspace: Workspace, tmp_path: Path) -> None:
    keys = [
        f"{key}={value}" for key, value in (QUIET | {"epochs": 2, "batch": 20, "tokens": 80, "log_every": 1}).items()
    ]
    words = [str(workspace.root), *keys]
    subprocess.run([sys.executable, str(DRIVER), str(data), str(tmp_path / "one"), *words], check=True, timeout=240)
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", str(free_port())]
    ended = subprocess.run(
        [*launch, str(DRIVER), str(data), str(tmp_path / "two"), *words], timeout=240, capture_output=True, check=False
    )
    assert ended.returncode == 0, ended.stderr.decode()[-2000:]
    one, two = (
        [json.loads(line) for line in (tmp_path / name / "metrics.jsonl").read_text().splitlines()]
        for name in ("one", "two")
    )
    for left, right in zip(one, two, strict=True):
        assert left["loss"] == pytest.approx(right["loss"], abs=1e-3)
    for name, tensor in weights(tmp_path / "one").items():
        torch.testing.assert_close(tensor, weights(tmp_path / "two")[name], rtol=1e-2, atol=1e-3)


def test_a_run_killed_within_an_epoch_goes_on_with_what_was_mined(
    data: Path, workspace: Workspace, tmp_path: Path
) -> None:
    keys = QUIET | {"epochs": 3, "batch": 10, "dropout": 0.1, "checkpoint_minutes": 0, "log_every": 1}
    words = [str(workspace.root), *(f"{key}={value}" for key, value in keys.items())]
    out = tmp_path / "killed"
    process = subprocess.Popen([sys.executable, str(DRIVER), str(data), str(out), *words])
    # Six steps an epoch: the tenth checkpoint lies within the second, which has mined partners.
    while process.poll() is None and not list((out / "checkpoints").glob("step-*1[0-9]")):
        time.sleep(0.002)
    process.kill()
    process.wait()
    assert list((out / "mined").glob("*.safetensors"))
    subprocess.run([sys.executable, str(DRIVER), str(data), str(out), *words, "--resume"], check=True, timeout=240)
    subprocess.run(
        [sys.executable, str(DRIVER), str(data), str(tmp_path / "whole"), *words], check=True, timeout=240
    )  # fmt: skip
    file = Path("weights") / "network.safetensors"
    assert (out / file).read_bytes() == (tmp_path / "whole" / file).read_bytes()


def test_pairs_without_labels_and_with_frozen_layers(workspace: Workspace, tmp_path: Path) -> None:
    data = pairs_data(tmp_path / "plain", labelled=False, count=60)
    run = train(data, tmp_path / "run", workspace, backbone="minilm-en", train="top:1", epochs=2, candidates="split")
    assert run.frozen_to == 5
    assert run.metrics["test"]["candidates"] == 6
    assert "auc" not in run.metrics["test"]
    assert run.metrics["test"]["mrr"] > 0.5


def test_texts_alone_are_seen_twice(workspace: Workspace, tmp_path: Path) -> None:
    data = pairs_data(tmp_path / "texts", other=False, count=60)
    keys = {"task": "match", "backbone": "minilm-en", "train": "top:1", "epochs": 1, "report": True}
    run = train(data, tmp_path / "run", workspace, **keys)
    assert run.metrics["test"]["mrr"] > 0.5
    assert "there are no pairs" in (run.path / "report.html").read_text(encoding="utf-8").lower()


def test_what_cannot_be_told_is_no_metric(workspace: Workspace, tmp_path: Path) -> None:
    data = pairs_data(tmp_path / "plain", labelled=False, count=60)
    with pytest.raises(RecipeError, match="expected one of mrr, recall_1, recall_5, recall_10, loss; got auc"):
        check_recipe(load_recipe(None, {"data": str(data), "metric": "auc", "backbone": "bigru"}), workspace)
    with pytest.raises(RecipeError, match="class_weights has no meaning for `match`"):
        check_recipe(load_recipe(None, {"data": str(data), "class_weights": "balanced"}), workspace)


def test_mined_partners_are_near_and_of_another_matter() -> None:
    pairs = pair_rows(["a", "b", "c"], ["x", "y", "z"], [True, True, False])
    made = {"a": [1, 0.0], "x": [0.9, 0.44], "b": [0, 1], "y": [0.1, 0.99], "c": [0.7, 0.7], "z": [0.8, 0.6]}
    vectors = np.array([made[text] for text in pairs.strings], dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = hardest(vectors, pairs, 2, seed=0)
    names = [[pairs.strings[place] if place >= 0 else "" for place in row] for row in found.tolist()]
    assert names == [["z", "y"], ["z", "x"], ["", ""]]


def test_a_partner_as_near_as_the_right_one_is_not_taken() -> None:
    pairs = pair_rows(["a", "b"], ["x", "y"], None)
    vectors = np.array([[1, 0], [0.8, 0.6], [0, 1], [0.8, 0.61]], dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    assert hardest(vectors, pairs, 1, seed=0)[0].tolist() == [-1]


def test_matters_follow_chains_of_the_same() -> None:
    rows = np.array([[0, 1, 1], [1, 2, 1], [2, 3, 0]])
    found = matters(rows, 5)
    assert found[0] == found[1] == found[2]
    assert len({int(one) for one in found}) == 3
