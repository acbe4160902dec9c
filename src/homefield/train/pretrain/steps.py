"""What one step of pre-training is made of: which weights are trained how fast, and what is learned from a few rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from torch import Tensor

from homefield.train.batches import Rows
from homefield.train.optimiser import Trained
from homefield.train.pretrain.bench import PretrainBench
from homefield.train.pretrain.pack import Cut

__all__ = ["objective_of", "trained_parts"]


def trained_parts(bench: PretrainBench) -> list[Trained]:
    """Every weight, those of the output layer as `head.*`; biases and normalisations do not decay."""
    recipe = bench.recipe
    rate = cast("float", recipe.learning_rate)
    found = []
    for name, parameter in bench.model.named_parameters():
        called = name if name.startswith("backbone.") else f"head.{name}"
        found.append(Trained(called, parameter, rate, recipe.weight_decay if parameter.dim() > 1 else 0.0))
    if bench.teaching is not None:
        for name, parameter in bench.teaching.projection.named_parameters():
            decay = recipe.weight_decay if parameter.dim() > 1 else 0.0
            found.append(Trained(f"head.to_teacher.{name}", parameter, rate, decay))
    return found


def objective_of(
    bench: PretrainBench, cut_of: Callable[[Rows], tuple[Cut | None, Rows]]
) -> Callable[[Rows, int], tuple[Tensor, Tensor]]:
    """Rows to the sum of their losses and the number of hidden places; `cut_of` as `Stretch.cut_of`.

    Rows of pairs weigh one each.
    """
    model, masking, precision, teaching = bench.model, bench.masking, bench.precision, bench.teaching
    stream = bench.packed.learn.on(precision.device)

    def objective(rows: Rows, number: int) -> tuple[Tensor, Tensor]:
        del number
        cut, rows = cut_of(rows)
        if cut is None:
            assert teaching is not None
            return teaching.loss(model.backbone, rows, precision)
        ids, begins = stream.batch(rows, cut, first=bench.first)
        seen, told = masking.hide(ids, begins)
        with precision.running():
            return model.loss(*(each.to(precision.device) for each in (ids, seen, told)))

    return objective
