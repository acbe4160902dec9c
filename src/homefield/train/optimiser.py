"""The optimiser: groups with their own learning rates, float32 masters, one clipped and normalised update per step.

Gradients are those of summed losses; a step divides them once by the weight of all rows of all ranks, so that neither
micro-batches nor processes change what one step is.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from homefield.train.precision import Masters
from homefield.train.recipe import Recipe

__all__ = ["Optimiser", "Trained"]


@dataclass(frozen=True)
class Trained:
    """A parameter that is trained, with its peak learning rate and weight decay."""

    name: str
    parameter: nn.Parameter
    learning_rate: float
    weight_decay: float


class Optimiser:
    """Updates the parameters `trained` as `recipe` says; `masters` gives the float32 tensors behind them."""

    def __init__(self, trained: Sequence[Trained], masters: Masters, recipe: Recipe) -> None:
        self.trained = tuple(trained)
        self._clip = recipe.clip
        self._decay = recipe.average
        self._working = [member.parameter for member in trained]
        self._exact = [_leaf(masters.of(parameter)) for parameter in self._working]
        self._rounded = [place for place, p in enumerate(self._working) if p.dtype != torch.float32]
        self._optimizer = _optimizer(trained, self._exact, recipe)
        self._peaks = [float(group["lr"]) for group in self._optimizer.param_groups]
        self._average = [tensor.detach().clone() for tensor in self._exact] if self._decay else []
        self._updates = 0

    @property
    def learning_rate(self) -> float:
        """The largest learning rate of the backbone at the last step; the head's when it alone is trained."""
        groups = self._optimizer.param_groups
        return max(float(g["lr"]) for g in [g for g in groups if not g["head"]] or groups)

    def collect(self) -> None:
        """Take the gradients of one micro-batch from the working weights into float32."""
        for place in self._rounded:
            working, exact = self._working[place], self._exact[place]
            if working.grad is not None:
                if exact.grad is None:
                    exact.grad = working.grad.float()
                else:
                    exact.grad.add_(working.grad)
                working.grad = None

    def gradients(self) -> list[Tensor]:
        """The collected gradients of every trained parameter, zeros where this rank had no row for it."""
        found: list[Tensor] = []
        for exact in self._exact:
            if exact.requires_grad and exact.grad is None:
                exact.grad = torch.zeros_like(exact)
            if exact.grad is not None:
                found.append(exact.grad)
        return found

    def thaw(self) -> None:
        """Follow the working parameters: those that are frozen at present are not updated."""
        for working, exact in zip(self._working, self._exact, strict=True):
            exact.requires_grad_(working.requires_grad)

    @torch.no_grad()
    def step(self, weight: Tensor, factor: float) -> Tensor:
        """Update once from the collected gradients, divided by `weight`, at `factor` of the peak learning rates.

        Returns:
            The norm of the gradient before clipping, a scalar tensor.
        """
        gradients = [exact.grad for exact in self._exact if exact.grad is not None]
        norm: Tensor = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients))) / weight
        scale = 1 / weight
        if self._clip:
            scale = scale * (self._clip / (norm + 1e-6)).clamp(max=1.0)
        torch._foreach_mul_(gradients, scale)
        for group, peak in zip(self._optimizer.param_groups, self._peaks, strict=True):
            group["lr"] = peak * factor
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        self._round()
        self._updates += 1
        if self._decay:
            # Early on the average follows the weights closely, else it would carry the start for long.
            decay = min(self._decay, (1 + self._updates) / (10 + self._updates))
            torch._foreach_lerp_(self._average, [exact.detach() for exact in self._exact], 1 - decay)
        return norm

    def discard(self) -> None:
        """Forget the gradients: a pass was made to be measured."""
        for working, exact in zip(self._working, self._exact, strict=True):
            working.grad = exact.grad = None

    def bytes_to_come(self) -> int:
        """Memory that steps will take beyond the weights: gradients and the algorithm's own numbers."""
        each = {"SGD": 4}.get(type(self._optimizer).__name__, 8)
        sizes = [working.numel() * (each + 4 + working.element_size()) for working in self._working]
        return sum(sizes)

    def time_of_update(self) -> float:
        """Seconds of one update, from a small tensor updated by AdamW, the costliest."""
        probe = torch.zeros(1 << 18, device=self._exact[0].device, requires_grad=True)
        probe.grad = torch.zeros_like(probe)
        trial = AdamW([probe], lr=0.0, fused=True)
        trial.step()
        began = time.perf_counter()
        trial.step()
        return (time.perf_counter() - began) * sum(exact.numel() for exact in self._exact) / probe.numel()

    def weights(self) -> dict[str, Tensor]:
        """The float32 weights to evaluate and keep, by name: the averages when there are any. Not copies."""
        chosen = self._average or [exact.detach() for exact in self._exact]
        return {member.name: tensor for member, tensor in zip(self.trained, chosen, strict=True)}

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Within it, the network works with the weights that `weights` gives."""
        if not self._average:
            yield
            return
        own = [None if place in self._rounded else exact.detach().clone() for place, exact in enumerate(self._exact)]
        self._put(self._average)
        try:
            yield
        finally:
            self._put([exact.detach() if kept is None else kept for kept, exact in zip(own, self._exact, strict=True)])

    @torch.no_grad()
    def settle(self, weights: Mapping[str, Tensor] | None = None) -> None:
        """Training is over: make `weights` (what `weights()` gives when None) the network's float32 weights."""
        chosen = self.weights() if weights is None else weights
        for member, exact in zip(self.trained, self._exact, strict=True):
            exact.copy_(chosen[member.name])
        self._round()

    def state(self) -> dict[str, Tensor]:
        """Everything that the next step depends on, as named tensors."""
        state = {"updates": torch.tensor(self._updates)}
        for place, member in enumerate(self.trained):
            exact = self._exact[place]
            state[f"weight/{member.name}"] = exact.detach()
            if self._average:
                state[f"average/{member.name}"] = self._average[place]
            for key, value in self._optimizer.state.get(exact, {}).items():
                if isinstance(value, Tensor):
                    state[f"{key}/{member.name}"] = value
        return state

    @torch.no_grad()
    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Go on from what `state` gave."""
        self._updates = int(state["updates"])
        places = {member.name: place for place, member in enumerate(self.trained)}
        for key, value in state.items():
            kind, _, name = key.partition("/")
            if not name:
                continue
            exact = self._exact[places[name]]
            if kind == "weight":
                exact.copy_(value)
            elif kind == "average":
                self._average[places[name]].copy_(value)
            else:
                self._optimizer.state[exact][kind] = value.to(exact.device) if value.dim() else value
        self._round()

    def _put(self, tensors: Sequence[Tensor]) -> None:
        with torch.no_grad():
            for working, tensor in zip(self._working, tensors, strict=True):
                working.data.copy_(tensor)

    def _round(self) -> None:
        if self._rounded:
            working = [self._working[place].data for place in self._rounded]
            torch._foreach_copy_(working, [self._exact[place].detach() for place in self._rounded])


def _leaf(tensor: Tensor) -> Tensor:
    return tensor if isinstance(tensor, nn.Parameter) else nn.Parameter(tensor)


def _optimizer(trained: Sequence[Trained], exact: Sequence[Tensor], recipe: Recipe) -> Optimizer:
    alike: dict[tuple[float, float, bool], list[Tensor]] = {}
    for member, tensor in zip(trained, exact, strict=True):
        key = (member.learning_rate, member.weight_decay, member.name.startswith("head."))
        alike.setdefault(key, []).append(tensor)
    groups = [
        {"params": members, "lr": rate, "weight_decay": decay, "head": head}
        for (rate, decay, head), members in alike.items()
    ]
    if recipe.optimizer == "sgd":
        return SGD(groups, momentum=recipe.momentum, fused=True)
    kind = AdamW if recipe.optimizer == "adamw" else Adam
    return cast("Optimizer", kind(groups, betas=(recipe.momentum, recipe.beta2), fused=True))
