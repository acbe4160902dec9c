"""A budget in tokens or minutes as a course of steps: short sequences first, long ones towards the end.

With tokens everything follows from the step, so a run that was killed ends with the weights of one that was not. With
minutes the share that is behind is the time that is behind: however slow the machine becomes, the learning rate reaches
its end when the time does. That share is part of a checkpoint, so a run that goes on takes what is left.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from homefield.train.batches import Rows
from homefield.train.checkpoint import Place
from homefield.train.course import Leg
from homefield.train.pretrain.pack import Cut
from homefield.train.pretrain.recipe import PretrainRecipe
from homefield.train.schedule import factor_at

__all__ = ["Budget", "Stretch"]


@dataclass(frozen=True)
class Budget:
    """tokens: to learn from, or 0. seconds: to take, or 0; `spent` of them before the first step, `reserve` after the
    last one (evaluation, writing)."""

    tokens: float = 0.0
    seconds: float = 0.0
    spent: float = 0.0
    reserve: float = 0.0

    def share(self, tokens: int, seconds: float) -> float:
        """How much is behind after `tokens`, which took `seconds`."""
        if self.tokens:
            return min(1.0, tokens / self.tokens)
        return min(1.0, seconds / max(1.0, self.seconds - self.spent - self.reserve))


class Stretch:
    """The course over a stream of `tokens` tokens. `cut`: how the leg under way cuts the stream."""

    def __init__(self, recipe: PretrainRecipe, tokens: int, budget: Budget) -> None:
        self._recipe = recipe
        self._tokens = tokens
        self._budget = budget
        self._step_tokens = cast("int", recipe.step_tokens)
        self.cut = Cut(recipe.length)

    def over(self, place: Place) -> bool:
        """See `Course.over`."""
        return place.share >= 1

    def leg(self, place: Place) -> Leg:
        """One pass over the stream in sequences of one length, or what of it the budget leaves."""
        recipe = self._recipe
        if place.phase == 0 and place.share >= 1 - recipe.long_share:
            place.phase, place.phase_step = 1, place.step
        length = recipe.long_length if place.phase else recipe.length
        batch = max(1, self._step_tokens // length)
        # Passes begin at different places, so that sequences are cut differently each time.
        each = max(1, Cut(length, length - 2).rows(self._tokens) // batch)
        done = place.step - place.phase_step
        number = done // each
        shift = int(np.random.default_rng([recipe.seed, place.phase, number, 3]).integers(length - 1))
        self.cut = Cut(length, shift)
        count = self.cut.rows(self._tokens)
        order = np.random.default_rng([recipe.seed, place.phase, number, 1]).permutation(count)
        steps = self._steps(order, batch, done % each, each, place)
        return Leg(number, np.broadcast_to(np.int32(length), (count,)), steps)

    def _steps(self, order: NDArray[np.int64], batch: int, start: int, stop: int, place: Place) -> Iterator[Rows]:
        long_from = 1 - self._recipe.long_share
        for step in range(start, stop):
            if self.over(place) or (place.phase == 0 and place.share >= long_from):
                return
            yield order[step * batch : (step + 1) * batch]

    def factor(self, place: Place) -> float:
        """See `Course.factor`."""
        return factor_at(place.share, warmup=self._recipe.warmup, shape=self._recipe.schedule)

    def share(self, place: Place, seconds: float) -> float:
        """See `Course.share`."""
        return self._budget.share(place.step * self._step_tokens, seconds)

    def judged(self, place: Place, before: float) -> bool:
        """At equal shares of the budget, and at its end."""
        count = self._recipe.evaluations
        return int(place.share * count) > int(before * count)

    def progress(self, place: Place) -> tuple[int, int]:
        """In steps of a budget of tokens, in seconds of one of minutes."""
        if self._budget.tokens:
            total = -int(-self._budget.tokens // self._step_tokens)
            return min(place.step, total), total
        total = round(self._budget.seconds)
        begun = self._budget.spent
        return min(total, round(begun + place.share * (total - begun))), total
