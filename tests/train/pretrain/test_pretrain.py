"""Pre-training from end to end: it learns, it keeps to its budget, and nothing that stops it changes the outcome."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import homefield
from homefield.errors import CallError
from homefield.events import Event
from homefield.train.faults import RecipeFaults
from homefield.workspace import Workspace

from .conftest import TINY

DRIVER = Path(__file__).parent / "driver.py"


def _start(corpus: Path, out: Path, workspace: Workspace, *words: str, **keys: Any) -> subprocess.Popen[str]:
    settings = [f"{key}={value}" for key, value in {**TINY, "weights": "float32", **keys}.items()]
    command = [sys.executable, str(DRIVER), str(corpus), str(out), str(workspace.root), *words, *settings]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})


def _finish(process: subprocess.Popen[str]) -> None:
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors


def _wait_for(path: Path, pattern: str, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 60
    while not list(path.glob(pattern)):
        assert time.monotonic() < until, "no checkpoint came"
        assert process.poll() is None, process.stderr and process.stderr.read()
        time.sleep(0.01)


@pytest.fixture
def run(corpus: Path, tmp_path: Path, workspace: Workspace) -> Any:
    return homefield.pretrain(corpus=[str(corpus)], tokens=30_000, out=tmp_path / "run", workspace=workspace, **TINY)


def test_the_network_learns_the_text(run: Any) -> None:
    lines = [json.loads(line) for line in (run.path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    judged = [line for line in lines if line["kind"] == "evaluation"]
    assert len(judged) == 11  # before the first step, and ten times after it
    assert judged[-1]["perplexity"] < 0.7 * judged[0]["perplexity"]
    assert all({"tokens_per_second", "gflops", "machine"} <= line.keys() for line in lines if line["kind"] == "step")
    assert run.record["reached"]["perplexity"] == pytest.approx(judged[-1]["perplexity"])
    assert not list((run.path / "checkpoints").glob("step-*"))
    assert not (run.path / "start").exists()


def test_a_run_that_was_killed_ends_with_the_weights_of_one_that_was_not(
    corpus: Path, tmp_path: Path, workspace: Workspace
) -> None:
    _finish(_start(corpus, tmp_path / "whole", workspace, tokens=40_000))
    process = _start(corpus, tmp_path / "killed", workspace, tokens=40_000, checkpoint_minutes=0.002)
    _wait_for(tmp_path / "killed", "checkpoints/step-*", process)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (tmp_path / "killed" / "backbone").exists()
    _finish(_start(corpus, tmp_path / "killed", workspace, "--resume", tokens=40_000))
    whole, killed = (load_file(tmp_path / name / "backbone" / "model.safetensors") for name in ("whole", "killed"))
    assert whole.keys() == killed.keys()
    assert all(torch.equal(whole[name], killed[name]) for name in whole)


def test_a_budget_of_minutes_ends_on_time_and_a_killed_run_takes_what_is_left(
    corpus: Path, tmp_path: Path, workspace: Workspace
) -> None:
    # The first run packs the corpus; the clock of the command counts all of it.
    began = time.monotonic()
    out = tmp_path / "run"
    process = _start(corpus, out, workspace, minutes=0.3, checkpoint_minutes=0.002)
    _wait_for(out, "checkpoints/step-*", process)
    time.sleep(1)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    spent = json.loads((next(out.glob("checkpoints/step-*")) / "state.json").read_text(encoding="utf-8"))["seconds"]
    _finish(_start(corpus, out, workspace, "--resume", minutes=0.3))
    took = time.monotonic() - began
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    steps = [line for line in lines if line["kind"] == "step"]
    assert steps[-1]["share"] == 1.0
    assert steps[-1]["learning_rate"] < 0.05 * max(line["learning_rate"] for line in steps)
    assert spent > 0
    # Starting Python twice and what was lost between checkpoint and kill come on top of 18 seconds.
    assert took < 40
