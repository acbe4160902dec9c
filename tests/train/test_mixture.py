"""Several tasks on one backbone: what an epoch holds, and that loop, checkpoints, ranks and export hold as for one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

import homefield
from homefield.errors import CallError
from homefield.train.check import check_tasks
from homefield.train.faults import RecipeFaults
from homefield.train.mixture import Mixture
from homefield.train.recipe import load_recipe
from homefield.workspace import Workspace

from .conftest import rows_of, write_dataset
from .test_adapt import own as own
from .test_distributed import free_port

DRIVER = Path(__file__).with_name("driver.py")
QUIET: dict[str, Any] = {"estimate": False, "baseline": False, "report": False, "precision": "fp32"}
TINY: dict[str, Any] = {**QUIET, "backbone": "bigru", "epochs": 2, "batch": 8, "log_every": 1}


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Datasets of three kinds of label: categories of 90 rows, numbers and sets of labels of 36 rows each."""
    root = tmp_path_factory.mktemp("sets")
    texts, labels = zip(*rows_of(150), strict=True)
    short = [text for text, _ in rows_of(60, seed=3)]
    tags = [[tag for tag in ("card", "loan") if tag in text] for text in short]
    return [
        str(write_dataset(root / "topics", texts, labels)),
        str(write_dataset(root / "size", short, [float(len(text)) for text in short], kind="number")),
        str(write_dataset(root / "tags", short, tags, kind="categories", names=["card", "loan"])),
    ]


def command(sets: list[str], out: Path, workspace: Workspace, *more: str, **keys: Any) -> list[str]:
    words = [f"{key}={value}" for key, value in {**TINY, "tasks": ",".join(sets), **keys}.items()]
    return [sys.executable, str(DRIVER), "", str(out), str(workspace.root), *words, *more]


def weights(out: Path, name: str) -> dict[str, torch.Tensor]:
    return load_file(out / "tasks" / name / "weights" / "network.safetensors")


def numbers_of(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]


def losses(out: Path) -> list[tuple[str, int, float]]:
    return [(line["kind"], line["step"], line.get("loss", line.get("mean"))) for line in numbers_of(out)]


@given(rows=st.lists(st.integers(1, 3_000), min_size=2, max_size=6), seed=st.integers(0, 99))
@settings(max_examples=60)
def test_an_epoch_holds_rows_in_proportion_to_the_root_of_their_number(rows: list[int], seed: int) -> None:
    mixture = Mixture(tuple(rows), seed)
    total, roots = sum(rows), sum(map(sqrt, rows))
    assert all(count >= 1 for count in mixture.counts)
    if min(total * sqrt(count) / roots for count in rows) >= 1:
        assert sum(mixture.counts) == total
        wanted = [total * sqrt(count) / roots for count in rows]
        assert all(abs(count - each) <= 1 for count, each in zip(mixture.counts, wanted, strict=True))
    tasks, places = mixture.epoch(3)
    assert np.bincount(tasks, minlength=len(rows)).tolist() == list(mixture.counts)
    again = Mixture(tuple(rows), seed).epoch(3)
    assert all(np.array_equal(one, two) for one, two in zip((tasks, places), again, strict=True))


@given(rows=st.tuples(st.integers(1, 60), st.integers(1, 60)), epochs=st.integers(1, 6))
def test_no_row_comes_again_before_all_have_come(rows: tuple[int, int], epochs: int) -> None:
    mixture = Mixture(rows, 0)
    for task, count in enumerate(rows):
        seen = np.concatenate(
            [places[tasks == task] for tasks, places in (mixture.epoch(epoch) for epoch in range(epochs))]
        )
        times = np.bincount(seen, minlength=count)
        assert times.max() - times.min() <= 1


def test_each_task_is_a_run_of_its_own(sets: list[str], workspace: Workspace, tmp_path: Path) -> None:
    keys = {**TINY, "epochs": 5, "report": True, "baseline": True, "backbone": "cnn-text"}
    run = homefield.finetune(tasks=sets, out=tmp_path / "run", workspace=workspace, **keys)
    assert run.status == "finished"
    assert list(run.tasks()) == ["topics", "size", "tags"]
    assert {each.record["task"] for each in run.tasks().values()} == {"classify", "regress", "multilabel"}
    topics = run.task("topics")
    assert (topics.status, topics.recipe.data, topics.recipe.tasks) == ("finished", sets[0], ())
    assert topics.metrics["test"]["accuracy"] > 0.7
    assert run.record["tasks"]["topics"]["accuracy"]["test"] == topics.metrics["test"]["accuracy"]
    judged = [line for line in numbers_of(run.path) if line["kind"] == "evaluation"]
    own = [judged[-1]["topics.accuracy"], judged[-1]["size.r2"], judged[-1]["tags.f1_micro"]]
    assert judged[-1]["mean"] == pytest.approx(np.mean(own))
    assert run.record["best"]["metric"] == "mean"
    assert run.record["best"]["value"] in [line["mean"] for line in judged]
    curve = [line["accuracy"] for line in numbers_of(topics.path) if line["kind"] == "evaluation"]
    assert curve == [line["topics.accuracy"] for line in judged]
    assert (topics.path / "report.html").is_file()
    backbones = [each.network().backbone.state_dict() for each in run.tasks().values()]
    assert all(torch.equal(backbones[0][name], other[name]) for other in backbones[1:] for name in other)


def test_killed_it_goes_on_to_the_same_weights(sets: list[str], tmp_path: Path, workspace: Workspace) -> None:
    keys = {"dropout": 0.1, "average": 0.9}
    subprocess.run(command(sets, tmp_path / "whole", workspace, **keys), check=True, timeout=240)
    out = tmp_path / "killed"
    process = subprocess.Popen(command(sets, out, workspace, **keys, checkpoint_minutes=0))
    until = time.monotonic() + 200
    while not (out / "checkpoints" / "step-00000012").exists():
        assert time.monotonic() < until, "no checkpoint came"
        assert process.poll() is None
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    resume = [sys.executable, str(DRIVER), "", str(out), str(workspace.root), "--resume"]
    subprocess.run(resume, check=True, timeout=240)
    for name in ("topics", "size", "tags"):
        whole, killed = weights(tmp_path / "whole", name), weights(out, name)
        assert all(torch.equal(whole[key], killed[key]) for key in whole)
    assert losses(tmp_path / "whole") == losses(out)


def test_two_processes_have_the_loss_of_one(sets: list[str], tmp_path: Path, workspace: Workspace) -> None:
    # Steps of 4 rows: some of them hold no row of some task, on one rank or on both.
    keys = {"batch": 4, "tokens": 40, "epochs": 1, "head_dropout": 0}
    subprocess.run(command(sets, tmp_path / "one", workspace, **keys), check=True, timeout=240)
    words = command(sets, tmp_path / "two", workspace, **keys)
    several = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", str(free_port())]
    ended = subprocess.run([words[0], *several, *words[1:]], timeout=240, capture_output=True, check=False)
    assert ended.returncode == 0, ended.stderr.decode()[-2000:]
    one, two = losses(tmp_path / "one"), losses(tmp_path / "two")
    assert len(one) == len(two) > 30
    for alone, pair in zip(one, two, strict=True):
        assert alone[:2] == pair[:2]
        assert alone[2] == pytest.approx(pair[2], abs=1e-3)
    for name in ("topics", "size", "tags"):
        other = weights(tmp_path / "two", name)
        for key, tensor in weights(tmp_path / "one", name).items():
            torch.testing.assert_close(tensor, other[key], rtol=1e-2, atol=1e-3)


def test_it_stops_early_when_the_mean_gains_no_more(sets: list[str], workspace: Workspace, tmp_path: Path) -> None:
    keys = {**TINY, "epochs": 12, "patience": 1, "learning_rate": 1e-9, "head_learning_rate": 1e-9}
    run = homefield.finetune(tasks=sets[:1] + sets[2:], out=tmp_path / "run", workspace=workspace, **keys)
    assert run.record["stopped_early"]
    assert run.record["best"]["epoch"] < 12


def test_models_of_one_run_share_the_frozen_part(
    own: Path, sets: list[str], workspace: Workspace, tmp_path: Path
) -> None:
    keys = {**QUIET, "backbone": own, "train": "top:1", "epochs": 2}
    run = homefield.finetune(tasks=[sets[0], sets[2]], out=tmp_path / "run", workspace=workspace, **keys)
    models = [homefield.export(run.path, tmp_path / name, task=name) for name in ("topics", "tags")]
    frozen = {model.manifest.parts["int8"].frozen for model in models}
    assert len(frozen) == 1
    assert None not in frozen
    assert models[0].manifest.labels == ("card", "loan", "login")
    assert str(sets[0]) not in (tmp_path / "topics" / "manifest.json").read_text(encoding="utf-8")
    assert homefield.predict(tmp_path / "topics", "my card was stolen")[0].label in ("card", "loan", "login")
    for name in (None, "nothing"):
        with pytest.raises(CallError, match="learned these tasks: topics, tags") as raised:
            homefield.export(run.path, tmp_path / "other", task=name)
        assert raised.value.code == "train.which_task"
    with pytest.raises(CallError, match=r"learned these tasks: -; got tags"):
        homefield.export(run.task("tags"), tmp_path / "other", task="tags")


def test_what_does_not_go_together_is_refused(sets: list[str], workspace: Workspace, tmp_path: Path) -> None:
    texts, labels = zip(*rows_of(60), strict=True)
    alike = str(write_dataset(tmp_path / "topics", texts, labels))
    cases: list[tuple[dict[str, Any], str]] = [
        ({"tasks": sets[:1]}, "tasks: expected the folders of two datasets or more"),
        ({"tasks": [*sets, alike]}, "two are called topics"),
        ({"tasks": sets, "data": alike}, "data: data cannot be set beside `tasks`"),
        ({"tasks": sets, "metric": "loss"}, "metric: metric cannot be set beside `tasks`"),
        ({"tasks": [*sets, str(tmp_path / "none")]}, "none: data: "),
        ({"tasks": sets, "backbone": "minilm"}, "backbone: "),
    ]
    for keys, said in cases:
        with pytest.raises(RecipeFaults) as raised:
            check_tasks(load_recipe(None, {"backbone": "cnn-text", **keys}), workspace)
        assert said in raised.value.what("en")
        assert len(raised.value.faults) == 1
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('tasks = ["topics", "other"]\n', encoding="utf-8")
    (tmp_path / "topics").rename(tmp_path / "other")
    write_dataset(tmp_path / "topics", texts, labels)
    several = check_tasks(load_recipe(recipe, {"backbone": "cnn-text"}), workspace)
    assert [checked.name for checked in several] == ["topics", "other"]
