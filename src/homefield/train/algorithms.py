"""SGD, Adam and AdamW as one fused pass over the weights each.

PyTorch's own kernels are called directly: `torch.optim` around them imports its compiler (a second of start-up), and
cannot divide the gradients within the pass, which saves reading and writing all of them once more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

__all__ = ["Adam", "Algorithm", "Sgd"]

_EPSILON = 1e-8


class Algorithm(Protocol):
    """What turns a gradient into a change of the weights. `state` is what it remembers of a weight, by name."""

    remembered: int
    """Bytes per number that it remembers."""

    def start(self, weight: Tensor) -> dict[str, Tensor]:
        """What is remembered of `weight` before its first update."""
        ...

    def update(
        self,
        weights: Sequence[Tensor],
        gradients: Sequence[Tensor],
        states: Sequence[dict[str, Tensor]],
        *,
        learning_rate: float,
        weight_decay: float,
        divisor: Tensor,
    ) -> None:
        """Change `weights` by `gradients` divided by `divisor` (a float32 scalar)."""
        ...


class Adam:
    """Kingma & Ba 2015; `decoupled`: AdamW, Loshchilov & Hutter 2019."""

    remembered = 8

    def __init__(self, beta1: float, beta2: float, *, decoupled: bool) -> None:
        self._betas = beta1, beta2
        self._kernel = torch._fused_adamw_ if decoupled else torch._fused_adam_

    def start(self, weight: Tensor) -> dict[str, Tensor]:
        """See `Algorithm.start`."""
        return {
            "step": torch.zeros((), device=weight.device),
            "mean": torch.zeros_like(weight),
            "square": torch.zeros_like(weight),
        }

    def update(
        self,
        weights: Sequence[Tensor],
        gradients: Sequence[Tensor],
        states: Sequence[dict[str, Tensor]],
        *,
        learning_rate: float,
        weight_decay: float,
        divisor: Tensor,
    ) -> None:
        """See `Algorithm.update`."""
        steps = [state["step"] for state in states]
        torch._foreach_add_(steps, 1)
        self._kernel(
            list(weights),
            list(gradients),
            [state["mean"] for state in states],
            [state["square"] for state in states],
            [],
            steps,
            lr=learning_rate,
            beta1=self._betas[0],
            beta2=self._betas[1],
            weight_decay=weight_decay,
            eps=_EPSILON,
            amsgrad=False,
            maximize=False,
            grad_scale=divisor,
        )


class Sgd:
    """Stochastic gradient descent with momentum: v = m v + g; w = w - rate v (Sutskever et al. 2013)."""

    remembered = 4

    def __init__(self, momentum: float) -> None:
        self._momentum = momentum

    def start(self, weight: Tensor) -> dict[str, Tensor]:
        """See `Algorithm.start`."""
        return {"velocity": torch.zeros_like(weight)}

    def update(
        self,
        weights: Sequence[Tensor],
        gradients: Sequence[Tensor],
        states: Sequence[dict[str, Tensor]],
        *,
        learning_rate: float,
        weight_decay: float,
        divisor: Tensor,
    ) -> None:
        """See `Algorithm.update`."""
        torch._fused_sgd_(
            list(weights),
            list(gradients),
            [state["velocity"] for state in states],
            weight_decay=weight_decay,
            momentum=self._momentum,
            lr=learning_rate,
            dampening=0.0,
            nesterov=False,
            maximize=False,
            is_first_step=False,
            grad_scale=divisor,
        )
