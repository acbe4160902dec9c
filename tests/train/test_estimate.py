from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from homefield.errors import MachineError
from homefield.train.batches import Rows, plan_epoch
from homefield.train.estimate import Workload, estimate
from homefield.train.optimiser import Optimiser, Trained
from homefield.train.precision import Masters
from homefield.train.recipe import Recipe

LENGTHS = np.random.default_rng(0).integers(5, 60, 400).astype(np.int32)


def workload(epochs: int = 3) -> Workload:
    steps = plan_epoch(LENGTHS, batch=16, window=8, seed=0, epoch=0)
    return Workload(steps, epochs, LENGTHS, 4096, int(LENGTHS.sum()), 1)


def machine() -> tuple[nn.Module, Optimiser]:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(64, 256), nn.GELU(), nn.Linear(256, 64))
    trained = [Trained(name, parameter, 0.1, 0.0) for name, parameter in net.named_parameters()]
    return net, Optimiser(trained, Masters(None), Recipe(average=0.0))


def tokens(rows: Rows) -> Tensor:
    return torch.ones(len(rows) * int(LENGTHS[rows].max()), 64)


def test_measuring_changes_nothing_and_grows_with_the_work() -> None:
    net, optimiser = machine()
    before = [parameter.detach().clone() for parameter in net.parameters()]

    def learn(rows: Rows) -> Tensor:
        return net(tokens(rows)).square().sum()

    short, long = (
        estimate(workload(epochs), learn, lambda rows: net(tokens(rows)), optimiser, at_hand=None)
        for epochs in (1, 300)
    )
    assert all(torch.equal(a, b) for a, b in zip(net.parameters(), before, strict=True))
    assert all(parameter.grad is None for parameter in net.parameters())
    assert long.train_seconds > 30 * short.train_seconds > 0, "the machine may be busier at one time than at another"
    assert short.evaluation_seconds > 0
    longest = max(len(rows) * int(LENGTHS[rows].max()) for rows in workload().steps)
    held = longest * (64 + 256 + 256) * 4 / 2**30
    assert short.memory_gb == pytest.approx(held, rel=0.5)


def test_memory_that_is_clearly_not_there_is_refused_with_advice() -> None:
    net, optimiser = machine()
    ran: list[int] = []

    def learn(rows: Rows) -> Tensor:
        ran.append(len(rows))
        return net(tokens(rows)).sum()

    with pytest.raises(MachineError, match="Lower `tokens`") as raised:
        estimate(workload(), learn, learn, optimiser, at_hand=0.0001)
    assert raised.value.code == "train.memory"
    assert len(ran) == 1, "the longest step was never run"
