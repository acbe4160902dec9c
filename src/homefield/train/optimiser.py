"""The optimiser: groups with their own learning rates, float32 masters, one clipped and normalised update per step.

Gradients are those of summed losses; a step divides them once by the weight of all rows of all ranks, so that neither
micro-batches nor processes change what one step is.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, Protocol, cast

import torch
from torch import Tensor, nn

from homefield.train.algorithms import Adam, Algorithm, Sgd
from homefield.train.precision import Masters

__all__ = ["Optimiser", "Rules", "Trained"]


@dataclass(frozen=True)
class Trained:
    """A parameter that is trained, with its peak learning rate and weight decay."""

    name: str
    parameter: nn.Parameter
    learning_rate: float
    weight_decay: float


class Rules(Protocol):
    """What a recipe says of the optimiser."""

    @property
    def optimizer(self) -> Literal["adamw", "adam", "sgd"]:
        """The algorithm."""

    @property
    def momentum(self) -> float:
        """Of SGD, or the first beta of Adam."""

    @property
    def beta2(self) -> float:
        """The second beta of Adam."""

    @property
    def clip(self) -> float:
        """Largest norm of a gradient; 0 for any."""

    @property
    def average(self) -> float | Literal["auto"]:
        """How much of the average of the weights each step keeps; 0 for no average."""


class _Slot:
    """One parameter: the weight the network works with, the exact float32 one, and what the algorithm remembers."""

    def __init__(self, member: Trained, exact: Tensor, average: bool) -> None:
        self.member = member
        self.working = member.parameter
        self.exact = exact.detach()
        self.rounded = self.working.dtype != torch.float32
        self.average = self.exact.clone() if average else None
        self.state: dict[str, Tensor] = {}
        # Kept from step to step: giving its memory back and taking it anew costs more than the update itself.
        self.gradient = torch.zeros_like(self.exact) if self.rounded else None
        self.filled = False

    def collected(self) -> Tensor | None:
        """The float32 gradient of this step so far."""
        if not self.rounded:
            return self.working.grad
        return self.gradient if self.filled else None


class Optimiser:
    """Updates the parameters `trained` as `recipe` says; `masters` gives the float32 tensors behind them."""

    def __init__(self, trained: Sequence[Trained], masters: Masters, recipe: Rules) -> None:
        self._clip = recipe.clip
        self._decay = cast("float", recipe.average)
        self._algorithm: Algorithm = (
            Sgd(recipe.momentum)
            if recipe.optimizer == "sgd"
            else Adam(recipe.momentum, recipe.beta2, decoupled=recipe.optimizer == "adamw")
        )
        self._slots = [_Slot(member, masters.of(member.parameter), self._decay > 0) for member in trained]
        self._updates = 0
        self._factor = 0.0

    @property
    def learning_rate(self) -> float:
        """The largest learning rate of the backbone at the last step; the head's when it alone is trained."""
        rates = {slot.member.name: slot.member.learning_rate for slot in self._slots}
        below = [rate for name, rate in rates.items() if not name.startswith("head.")]
        return max(below or rates.values()) * self._factor

    @torch.no_grad()
    def collect(self) -> None:
        """Take the gradients of one micro-batch from the working weights into float32."""
        for slot in self._slots:
            if slot.gradient is not None and slot.working.grad is not None:
                if slot.filled:
                    slot.gradient.add_(slot.working.grad)
                else:
                    slot.gradient.copy_(slot.working.grad)
                slot.filled = True
                slot.working.grad = None

    @torch.no_grad()
    def gradients(self) -> list[Tensor]:
        """The collected gradients of every parameter trained at present, zeros where this rank had no row for it."""
        found: list[Tensor] = []
        for slot in self._slots:
            if slot.working.requires_grad:
                if slot.collected() is None:
                    if slot.gradient is None:
                        slot.working.grad = torch.zeros_like(slot.exact)
                    else:
                        slot.gradient.zero_()
                        slot.filled = True
                gradient = slot.collected()
                assert gradient is not None
                found.append(gradient)
        return found

    @torch.no_grad()
    def step(self, weight: Tensor, factor: float) -> Tensor:
        """Update once from the collected gradients, divided by `weight`, at `factor` of the peak learning rates.

        Returns:
            The norm of the gradient before clipping, a scalar tensor.
        """
        self._factor = factor
        live = [(slot, gradient) for slot in self._slots if (gradient := slot.collected()) is not None]
        norms = torch._foreach_norm([gradient for _, gradient in live])
        norm: Tensor = torch.linalg.vector_norm(torch.stack(norms)) / weight
        divisor = weight.float()
        if self._clip:
            divisor = divisor * ((norm + 1e-6) / self._clip).clamp(min=1.0)
        for (rate, decay), members in _alike(live).items():
            self._algorithm.update(
                [slot.exact for slot, _ in members],
                [gradient for _, gradient in members],
                [self._state(slot) for slot, _ in members],
                learning_rate=rate * factor,
                weight_decay=decay,
                divisor=divisor,
            )
        self.discard()
        self._round()
        self._updates += 1
        if self._decay:
            # Early on the average follows the weights closely, else it would carry the start for long.
            decay = min(self._decay, (1 + self._updates) / (10 + self._updates))
            averages = [slot.average for slot in self._slots if slot.average is not None]
            torch._foreach_lerp_(averages, [slot.exact for slot in self._slots], 1 - decay)
        return norm

    def discard(self) -> None:
        """Forget the gradients."""
        for slot in self._slots:
            slot.working.grad = None
            slot.filled = False

    def bytes_to_come(self) -> int:
        """Memory that steps will take beyond what is held: gradients and what the algorithm remembers."""
        each = self._algorithm.remembered
        return sum(slot.working.numel() * (each + slot.working.element_size()) for slot in self._slots)

    @torch.no_grad()
    def time_of_update(self) -> float:
        """Seconds of one update of all weights, from one of a small tensor."""
        probe = torch.zeros(1 << 18, device=self._slots[0].exact.device)
        state, one = self._algorithm.start(probe), torch.ones((), device=probe.device)
        for _ in range(2):
            began = time.perf_counter()
            self._algorithm.update([probe], [probe], [state], learning_rate=0.0, weight_decay=0.0, divisor=one)
        numbers = sum(slot.exact.numel() for slot in self._slots)
        return (time.perf_counter() - began) * numbers / probe.numel()

    def weights(self) -> dict[str, Tensor]:
        """The float32 weights to evaluate and keep, by name: the averages when there are any. Not copies."""
        return {slot.member.name: slot.exact if slot.average is None else slot.average for slot in self._slots}

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Within it, the network works with the weights that `weights` gives."""
        if not self._decay:
            yield
            return
        own = [None if slot.rounded else slot.exact.clone() for slot in self._slots]
        self._put(list(self.weights().values()))
        try:
            yield
        finally:
            self._put([slot.exact if kept is None else kept for kept, slot in zip(own, self._slots, strict=True)])

    @torch.no_grad()
    def settle(self, weights: Mapping[str, Tensor] | None = None) -> None:
        """Training is over: make `weights` (what `weights()` gives when None) the network's float32 weights."""
        chosen = self.weights() if weights is None else weights
        for slot in self._slots:
            slot.exact.copy_(chosen[slot.member.name])
        self._round()

    def state(self) -> dict[str, Tensor]:
        """Everything that the next step depends on, as named tensors."""
        state = {"updates": torch.tensor(self._updates)}
        for slot in self._slots:
            name = slot.member.name
            state[f"weight/{name}"] = slot.exact
            if slot.average is not None:
                state[f"average/{name}"] = slot.average
            state.update({f"{key}/{name}": value for key, value in slot.state.items()})
        return state

    @torch.no_grad()
    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Go on from what `state` gave."""
        self._updates = int(state["updates"])
        slots = {slot.member.name: slot for slot in self._slots}
        for key, value in state.items():
            kind, _, name = key.partition("/")
            if not name:
                continue
            slot = slots[name]
            if kind == "weight":
                slot.exact.copy_(value)
            elif kind == "average" and slot.average is not None:
                slot.average.copy_(value)
            else:
                slot.state[kind] = value.to(slot.exact.device)
        self._round()

    def _state(self, slot: _Slot) -> dict[str, Tensor]:
        if not slot.state:
            slot.state = self._algorithm.start(slot.exact)
        return slot.state

    def _put(self, tensors: Sequence[Tensor]) -> None:
        with torch.no_grad():
            for slot, tensor in zip(self._slots, tensors, strict=True):
                slot.working.data.copy_(tensor)

    def _round(self) -> None:
        rounded = [slot for slot in self._slots if slot.rounded]
        if rounded:
            torch._foreach_copy_([slot.working.data for slot in rounded], [slot.exact for slot in rounded])


def _alike(live: Sequence[tuple[_Slot, Tensor]]) -> dict[tuple[float, float], list[tuple[_Slot, Tensor]]]:
    groups: dict[tuple[float, float], list[tuple[_Slot, Tensor]]] = {}
    for slot, gradient in live:
        groups.setdefault((slot.member.learning_rate, slot.member.weight_decay), []).append((slot, gradient))
    return groups
