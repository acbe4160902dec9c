"""Two processes learn what one learns: a real `torchrun`, a real gloo."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from homefield.train.distributed import Ranks, joined_ranks
from homefield.workspace import Workspace

DRIVER = Path(__file__).with_name("driver.py")
KEYS = [
    *("backbone=bigru", "precision=fp32", "epochs=2", "batch=15", "head_dropout=0", "log_every=1"),
    *("estimate=false", "baseline=false", "report=false", "tokens=60"),
]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_two_processes_have_the_loss_curve_of_one(
    make_dataset: Callable[..., Path], workspace: Workspace, tmp_path: Path
) -> None:
    data = make_dataset(100)
    words = [str(workspace.root), *KEYS]
    subprocess.run([sys.executable, str(DRIVER), str(data), str(tmp_path / "one"), *words], check=True, timeout=240)
    together = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--nproc-per-node",
        "2",
        "--master-port",
        str(free_port()),
    ]
    ended = subprocess.run(
        [*together, str(DRIVER), str(data), str(tmp_path / "two"), *words],
        timeout=240,
        capture_output=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr.decode()[-2000:]
    curves = []
    for name in ("one", "two"):
        found = [json.loads(line) for line in (tmp_path / name / "metrics.jsonl").read_text().splitlines()]
        curves.append([(line["kind"], line["step"], line["loss"]) for line in found])
    assert len(curves[0]) == len(curves[1]) > 8
    for one, two in zip(*curves, strict=True):
        assert one[:2] == two[:2]
        assert one[2] == pytest.approx(two[2], abs=1e-4)
    alone, pair = (load_file(tmp_path / name / "weights" / "network.safetensors") for name in ("one", "two"))
    for name, tensor in alone.items():
        torch.testing.assert_close(tensor, pair[name], rtol=1e-3, atol=1e-4)
    outputs = [load_file(tmp_path / name / "outputs" / "test.safetensors")["logits"] for name in ("one", "two")]
    torch.testing.assert_close(outputs[0], outputs[1], rtol=1e-3, atol=1e-3)
    record = json.loads((tmp_path / "two" / "run.json").read_text())
    assert record["environment"]["processes"] == 2
    assert record["status"] == "finished"


def test_shares_of_a_step_are_all_of_it_without_overlap() -> None:
    rows = np.arange(17)
    shares = [Ranks(rank, 3).share(rows) for rank in range(3)]
    assert sorted(np.concatenate(shares).tolist()) == rows.tolist()
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_alone_nothing_is_joined() -> None:
    with joined_ranks({}) as ranks:
        assert ranks == Ranks(0, 1)
        tensor = torch.ones(2)
        ranks.add([tensor])
        ranks.wait()
        assert tensor.tolist() == [1.0, 1.0]
