"""How long a run will take and how much memory it needs, from a few timed steps that change nothing.

Time is fitted as a + b x tokens through a median and a longest part of a step; memory is counted, not guessed: what
autograd keeps for the longest part, the gradients and the optimiser's numbers. Evaluation is included, so a run that
starts can also end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from homefield.errors import MachineError
from homefield.train.batches import Rows, cut_by_tokens
from homefield.train.optimiser import Optimiser

__all__ = ["Estimate", "Workload", "estimate"]

_SPARE = 0.92
"""Share of the memory at hand that a run may take: the rest is the system's."""


@dataclass(frozen=True)
class Estimate:
    """Seconds for the steps and for evaluations; memory in GB beyond what is in use now, and what is at hand."""

    train_seconds: float
    evaluation_seconds: float
    memory_gb: float
    available_gb: float | None

    @property
    def seconds(self) -> float:
        """All of it."""
        return self.train_seconds + self.evaluation_seconds

    def as_json(self) -> dict[str, Any]:
        """As one JSON object."""
        return {name: value if value is None else round(value, 3) for name, value in asdict(self).items()}


@dataclass(frozen=True)
class Workload:
    """What a run will do. lengths: of the training rows. evaluated: tokens of all rows evaluated over the run.

    spread: processes that share the work.
    """

    steps: Sequence[Rows]
    epochs: int
    lengths: NDArray[np.int32]
    tokens: int
    evaluated: int
    spread: int


def estimate(
    work: Workload,
    learn: Callable[[Rows], Tensor],
    look: Callable[[Rows], object],
    optimiser: Optimiser,
    *,
    at_hand: float | None,
) -> Estimate:
    """Time and measure.

    learn: rows to the sum of their losses, ready for `backward`. look: the network on rows without gradients. at_hand:
    memory that can be had, in GB; None when that is not known.

    Raises:
        MachineError: `train.memory`, when the longest step clearly needs more than there is.
    """
    parts = [part for rows in work.steps for part in cut_by_tokens(rows, work.lengths, work.tokens)]
    sizes = np.array([len(part) * int(work.lengths[part].max()) for part in parts])
    order = np.argsort(sizes)
    median, longest = parts[order[len(order) // 2]], parts[order[-1]]
    fixed = optimiser.bytes_to_come() / 2**30
    kept = _kept_bytes(lambda: learn(median)) / 2**30
    # Attention keeps squares of the length, so tokens are weighed by how much longer the longest texts are.
    ratio = sizes[order[-1]] / sizes[order[len(order) // 2]]
    taller = int(work.lengths[longest].max()) / int(work.lengths[median].max())
    _refuse_if_lacking(fixed + kept * ratio * min(taller, 2.0) if taller > 1 else fixed + kept * ratio, at_hand)
    needed = fixed + _kept_bytes(lambda: learn(longest)) / 2**30
    _refuse_if_lacking(needed, at_hand)
    short, long = _time(lambda: _pass(learn, median, optimiser)), _time(lambda: _pass(learn, longest, optimiser))
    looked = _time(lambda: look(median))
    slope = (long - short) / (sizes[order[-1]] - sizes[order[len(order) // 2]]) if ratio > 1.2 else 0.0
    slope = max(slope, 0.0)
    passes = sum(max(short + slope * (size - sizes[order[len(order) // 2]]), 0.1 * short) for size in sizes)
    train = (passes / work.spread + optimiser.time_of_update() * len(work.steps)) * work.epochs
    evaluation = looked / sizes[order[len(order) // 2]] * work.evaluated / work.spread
    return Estimate(train, evaluation, needed, at_hand)


def _refuse_if_lacking(need: float, at_hand: float | None) -> None:
    if at_hand is not None and need > _SPARE * at_hand:
        raise MachineError("train.memory", need=f"{need:.1f}", available=f"{at_hand:.1f}")


def _pass(learn: Callable[[Rows], Tensor], rows: Rows, optimiser: Optimiser) -> None:
    learn(rows).backward()  # type: ignore[no-untyped-call]
    optimiser.discard()


def _time(action: Callable[[], object]) -> float:
    action()
    began = time.perf_counter()
    action()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - began


def _kept_bytes(forward: Callable[[], Tensor]) -> int:
    """Bytes that autograd keeps for the backward pass of `forward`, weights aside."""
    seen: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        if not isinstance(tensor, torch.nn.Parameter):
            storage = tensor.untyped_storage()
            seen[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        loss = forward()
    del loss
    return sum(seen.values())
