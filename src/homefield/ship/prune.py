"""Which heads and feed-forward units of a network matter least, and the network without them.

What matters is estimated to first order: how much the loss would change if a head's or a unit's output were 0, the sum
of output times gradient, absolute per text and added over texts (heads: Michel, Levy & Neubig 2019, "Are sixteen heads
really better than one?"; units: Molchanov et al. 2017). Every block loses as many, so that all blocks keep one shape
and stay as quick as a network that was made so small.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from homefield.backbones.encode import Encoded, encode
from homefield.backbones.encoder import Block, Encoder
from homefield.errors import CallError
from homefield.evaluate.pairs import PairRows
from homefield.tasks import Task
from homefield.train.batches import cut_by_tokens
from homefield.train.network import Network

__all__ = ["Importance", "Questions", "labelled", "measure_importance", "paired", "prune"]

_TOKENS = 2_048
_MULTIPLE = 8  # units are kept in eights, which products of matrices are quick at


@dataclass(frozen=True)
class Importance:
    """heads: `[L, H]`, units: `[L, F]`; larger matters more."""

    heads: NDArray[np.float64]
    units: NDArray[np.float64]


@dataclass(frozen=True)
class Questions:
    """What importance is measured by. parts: places of texts that go through the network at once `[B]`, and what the
    task's loss takes of them."""

    encoded: Encoded
    parts: Sequence[tuple[NDArray[np.int64], NDArray[Any]]]


def labelled(network: Network, texts: Sequence[str], targets: NDArray[Any]) -> Questions:
    """N texts with targets `[N]` or `[N, C]`."""
    encoded = encode(texts, network.backbone.tokenizer, network.info.max_length)
    parts = cut_by_tokens(np.arange(len(texts)), encoded.lengths.astype(np.int32), _TOKENS)
    return Questions(encoded, [(part, targets[part]) for part in parts])


def paired(network: Network, pairs: PairRows) -> Questions:
    """Pairs of texts, of which some are the same; a part's pairs are contrasted with each other."""
    encoded = encode(pairs.strings, network.backbone.tokenizer, network.info.max_length)
    lengths = encoded.lengths[pairs.rows[:, :2]].max(axis=1).astype(np.int32)
    rows = [pairs.rows[part] for part in cut_by_tokens(np.arange(len(pairs)), lengths, _TOKENS // 2)]
    return Questions(encoded, [(part[:, :2].T.reshape(-1), part[:, 2]) for part in rows])


def measure_importance(network: Network, task: Task, questions: Questions) -> Importance:
    """How much each head and unit of `network` matters for the task's loss.

    Raises:
        CallError: `ship.not_prunable`, when the backbone is no plain encoder.
    """
    encoder = _encoder(network)
    learner = copy.deepcopy(network).eval()
    for parameter in learner.parameters():
        parameter.requires_grad_(True)
    shape = encoder.shape
    heads, units = np.zeros((shape.layers, shape.heads)), np.zeros((shape.layers, shape.inner))
    with _watched(learner.backbone) as seen:
        for part, targets in questions.parts:
            ids, mask = questions.encoded.batch(part, pad_id=network.backbone.pad_id)
            logits, _ = learner(torch.from_numpy(ids), torch.from_numpy(mask))
            task.loss(logits, torch.from_numpy(targets))[0].backward()  # type: ignore[no-untyped-call]
            for layer, (mixed, inner) in enumerate(zip(*seen, strict=True)):
                found = _moved(mixed)
                each = found.view(*found.shape[:2], shape.heads, -1).sum(dim=(1, 3))
                heads[layer] += each.abs().sum(dim=0).double().numpy()
                units[layer] += _moved(inner).sum(dim=1).abs().sum(dim=0).double().numpy()
            learner.zero_grad()
    return Importance(heads, units)


def prune(network: Network, importance: Importance, share: float) -> Network:
    """`network` without the `share` of heads and of units in each block that matter least; at least one of each stays.

    Raises:
        CallError: `ship.not_prunable`.
    """
    encoder = _encoder(network)
    shape = encoder.shape
    wide = shape.attended // shape.heads
    kept_heads = max(1, round(shape.heads * (1 - share)))
    kept_units = min(shape.inner, max(_MULTIPLE, round(shape.inner * (1 - share) / _MULTIPLE) * _MULTIPLE))
    smaller = replace(shape, heads=kept_heads, head_width=wide, inner=kept_units)
    state = {name: tensor.clone() for name, tensor in encoder.state_dict().items()}
    for layer in range(shape.layers):
        heads = _largest(importance.heads[layer], kept_heads)
        places = (heads[:, None] * wide + torch.arange(wide)).flatten()
        units = _largest(importance.units[layer], kept_units)
        name = f"blocks.{layer}."
        for kind in ("weight", "bias"):
            whole = state[f"{name}qkv.{kind}"]
            state[f"{name}qkv.{kind}"] = whole.view(3, shape.attended, *whole.shape[1:])[:, places].flatten(0, 1)
            state[f"{name}up.{kind}"] = state[f"{name}up.{kind}"][units]
        state[f"{name}out.weight"] = state[f"{name}out.weight"][:, places]
        state[f"{name}down.weight"] = state[f"{name}down.weight"][:, units]
    numbers = sum(tensor.numel() for tensor in state.values())
    facts = replace(encoder.facts, parameters=numbers)
    cut = Encoder(facts, encoder.tokenizer, smaller, pad_id=encoder.pad_id)
    cut.load_state_dict(state)
    return Network(cut, copy.deepcopy(network.head), replace(network.info, how="all", frozen_to=0)).eval()


def _encoder(network: Network) -> Encoder:
    backbone = network.backbone
    if type(backbone) is not Encoder or backbone.adapters is not None:
        raise CallError("ship.not_prunable", backbone=backbone.facts.name)
    return backbone


@contextmanager
def _watched(backbone: nn.Module) -> Iterator[tuple[list[Tensor], list[Tensor]]]:
    """Within it, what goes into `out` and `down` of each block in the last pass, gradients kept."""
    mixed: list[Tensor] = []
    inner: list[Tensor] = []
    handles = []

    def watch(found: list[Tensor], layer: int) -> Any:
        def note(module: nn.Module, given: tuple[Tensor, ...]) -> None:
            del module
            given[0].retain_grad()
            found[layer:] = [given[0]]

        return note

    blocks = [module for module in backbone.modules() if isinstance(module, Block)]
    for layer, block in enumerate(blocks):
        handles.append(block.out.register_forward_pre_hook(watch(mixed, layer)))
        handles.append(block.down.register_forward_pre_hook(watch(inner, layer)))
    try:
        yield mixed, inner
    finally:
        for handle in handles:
            handle.remove()


def _moved(value: Tensor) -> Tensor:
    """Output times gradient `[B, T, *]`."""
    assert value.grad is not None
    return (value * value.grad).detach()


def _largest(values: NDArray[np.float64], count: int) -> Tensor:
    return torch.from_numpy(np.sort(np.argsort(-values, kind="stable")[:count]))
