from __future__ import annotations

import pytest
import torch
from torch import nn

from homefield.train.optimiser import Optimiser, Trained
from homefield.train.precision import Masters, Precision
from homefield.train.recipe import Recipe


def network(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(6, 8), nn.GELU(), nn.Linear(8, 3))


def optimiser_of(net: nn.Module, masters: Masters | None = None, **keys: object) -> Optimiser:
    recipe = Recipe.model_validate({"clip": 0.5, "average": 0.0, **keys})
    trained = [Trained(name, p, 0.05, 0.01 if p.dim() > 1 else 0.0) for name, p in net.named_parameters()]
    return Optimiser(trained, masters or Masters(None), recipe)


ROWS = torch.randn(12, 6, generator=torch.Generator().manual_seed(5))
CLASSES = torch.arange(12) % 3


def learn(net: nn.Module, optimiser: Optimiser, parts: int, steps: int = 5) -> None:
    for _ in range(steps):
        weight = torch.zeros(())
        for rows, classes in zip(ROWS.chunk(parts), CLASSES.chunk(parts), strict=True):
            total = nn.functional.cross_entropy(net(rows.to(net[0].weight.dtype)).float(), classes, reduction="sum")  # type: ignore[index]
            total.backward()
            optimiser.collect()
            weight += len(rows)
        optimiser.step(weight, 1.0)


@pytest.mark.parametrize("kind", ["adamw", "adam", "sgd"])
def test_micro_batches_change_nothing(kind: str) -> None:
    whole, cut = network(), network()
    learn(whole, optimiser_of(whole, optimizer=kind), 1)
    learn(cut, optimiser_of(cut, optimizer=kind), 4)
    for a, b in zip(whole.parameters(), cut.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_a_step_is_that_of_pytorch_with_the_clipped_mean() -> None:
    net, plain = network(), network()
    learn(net, optimiser_of(net), 1, steps=3)
    groups = [
        {"params": [p for p in plain.parameters() if p.dim() > 1], "weight_decay": 0.01},
        {"params": [p for p in plain.parameters() if p.dim() == 1], "weight_decay": 0.0},
    ]
    reference = torch.optim.AdamW(groups, lr=0.05)
    for _ in range(3):
        reference.zero_grad()
        nn.functional.cross_entropy(plain(ROWS), CLASSES).backward()
        nn.utils.clip_grad_norm_(plain.parameters(), 0.5)
        reference.step()
    for a, b in zip(net.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("average", [0.0, 0.9])
@pytest.mark.parametrize("arithmetic", ["fp32", "bf16"])
def test_what_is_saved_goes_on_to_the_same_weights(average: float, arithmetic: str) -> None:
    precision = Precision(arithmetic, torch.device("cpu"))  # type: ignore[arg-type]
    straight = network()
    one = optimiser_of(straight, precision.masters(straight), average=average)
    learn(straight, one, 2, steps=4)
    halted = network()
    two = optimiser_of(halted, precision.masters(halted), average=average)
    learn(halted, two, 2, steps=2)
    state = {name: tensor.clone() for name, tensor in two.state().items()}
    resumed = network(seed=9)
    three = optimiser_of(resumed, precision.masters(resumed), average=average)
    three.load_state(state)
    learn(resumed, three, 2, steps=2)
    assert all(torch.equal(one.weights()[name], three.weights()[name]) for name in one.weights())
    assert all(torch.equal(a, b) for a, b in zip(straight.parameters(), resumed.parameters(), strict=True))


def test_bfloat16_weights_learn_through_their_float32_masters() -> None:
    net = network()
    masters = Precision("bf16", torch.device("cpu")).masters(net)
    optimiser = optimiser_of(net, masters, clip=0.0)
    assert all(p.dtype == torch.bfloat16 for p in net.parameters())
    start = {name: tensor.clone() for name, tensor in optimiser.weights().items()}
    for parameter in net.parameters():
        parameter.grad = torch.full_like(parameter, 1e-3)
    optimiser.collect()
    optimiser.step(torch.tensor(1.0), 1e-4)
    moved = {name: optimiser.weights()[name] - start[name] for name in start}
    assert all(0 < float(delta.abs().max()) < 1e-5 for delta in moved.values()), "less than a bfloat16 can show"
    masters.restore()
    for name, parameter in net.named_parameters():
        assert parameter.dtype == torch.float32
        assert torch.equal(parameter.detach(), optimiser.weights()[name])


@pytest.mark.parametrize("arithmetic", ["fp32", "bf16"])
def test_averages_are_evaluated_and_then_put_away(arithmetic: str) -> None:
    net = network()
    optimiser = optimiser_of(net, Precision(arithmetic, torch.device("cpu")).masters(net), average=0.9)  # type: ignore[arg-type]
    learn(net, optimiser, 1)
    before = [p.detach().clone() for p in net.parameters()]
    with optimiser.averaged():
        for (name, parameter), old in zip(net.named_parameters(), before, strict=True):
            torch.testing.assert_close(parameter.detach(), optimiser.weights()[name].to(parameter.dtype))
            assert not torch.equal(parameter.detach(), old)
    assert all(torch.equal(p.detach(), old) for p, old in zip(net.parameters(), before, strict=True))


def test_frozen_parts_stay_until_they_are_thawed() -> None:
    net = network()
    optimiser = optimiser_of(net)
    net[0].requires_grad_(False)
    start = net[0].weight.detach().clone()
    learn(net, optimiser, 1)
    assert torch.equal(net[0].weight.detach(), start)
    net[0].requires_grad_(True)
    learn(net, optimiser, 1)
    assert not torch.equal(net[0].weight.detach(), start)


def test_memory_to_come_counts_gradients_and_moments() -> None:
    net = network()
    numbers = sum(p.numel() for p in net.parameters())
    assert optimiser_of(net).bytes_to_come() == numbers * 12
    assert optimiser_of(net, optimizer="sgd").bytes_to_come() == numbers * 8
