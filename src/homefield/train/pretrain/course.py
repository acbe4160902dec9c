"""A budget in tokens or minutes as a course of steps: short sequences first, long ones among them towards the end.

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

__all__ = ["Budget", "Side", "Stretch", "Turns"]


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


@dataclass(frozen=True)
class Turns:
    """Which steps learn from pairs, and from which rows: a `share` of all steps, spread evenly. All of it follows from
    the step alone. lengths: tokens of each row. tokens: of a step, about."""

    share: float
    lengths: NDArray[np.int32]
    tokens: int
    seed: int

    def before(self, step: int) -> int:
        """How many of the steps before `step` learn from pairs."""
        return int(step * self.share)

    def due(self, step: int) -> bool:
        """Whether `step` does."""
        return self.before(step + 1) > self.before(step)

    def taken(self, step: int) -> Rows:
        """The rows of `step`: all rows once, but for less than a step's, before any comes again."""
        count = len(self.lengths)
        batch = min(count, max(1, round(self.tokens / float(self.lengths.mean()))))
        epoch, place = divmod(self.before(step), count // batch)
        order = np.random.default_rng([self.seed, epoch, 5]).permutation(count)
        return order[place * batch : (place + 1) * batch]


@dataclass(frozen=True)
class Side:
    """The sequences of one length within a leg.

    order: their rows, as they come. begin: what is added to a row of theirs to tell it from those of other lengths.
    """

    cut: Cut
    order: NDArray[np.int64]
    begin: int

    def taken(self, step: int, tokens: int) -> Rows:
        """The rows of the `step`th of the leg's steps of this length, of `tokens` tokens each."""
        batch = _rows_in(tokens, self.cut.length)
        return self.begin + self.order[step * batch : (step + 1) * batch]


class Stretch:
    """The course over a stream of `tokens` tokens.

    At the end, long and short sequences take turns, step by step: with long ones alone the network would read short
    texts worse than before them.

    turns: of pairs, whose rows stand behind those of the stream in every leg.
    """

    def __init__(self, recipe: PretrainRecipe, tokens: int, budget: Budget, turns: Turns | None = None) -> None:
        self._recipe = recipe
        self._tokens = tokens
        self._budget = budget
        self._turns = turns
        self._step_tokens = cast("int", recipe.step_tokens)
        self._sides: list[Side] = []

    def over(self, place: Place) -> bool:
        """See `Course.over`."""
        return place.share >= 1

    def leg(self, place: Place) -> Leg:
        """One pass over the stream in sequences of each length, or what of it the budget leaves."""
        recipe = self._recipe
        if place.phase == 0 and place.share >= 1 - recipe.long_share:
            place.phase, place.phase_step = 1, place.step
        lengths = list(dict.fromkeys((recipe.long_length, recipe.length) if place.phase else (recipe.length,)))
        each = len(lengths) * min(self._steps_of_pass(length) for length in lengths)
        number, start = divmod(self._streamed(place.step) - self._streamed(place.phase_step), each)
        self._sides = []
        for length in lengths:
            self._sides.append(self._side(length, self._rows, place.phase, number))
        rows = [np.full(len(side.order), side.cut.length, np.int32) for side in self._sides]
        if self._turns is not None:
            rows.append(self._turns.lengths)
        return Leg(number, np.concatenate(rows), self._steps(start, each, place))

    @property
    def _rows(self) -> int:
        """Of the stream, in the leg under way."""
        return sum(len(side.order) for side in self._sides)

    def _steps_of_pass(self, length: int) -> int:
        # Passes begin at different places; the last place of all leaves the fewest sequences.
        return max(1, Cut(length, length - 2).rows(self._tokens) // _rows_in(self._step_tokens, length))

    def _side(self, length: int, begin: int, phase: int, number: int) -> Side:
        """A pass in sequences of `length`, cut from another place and in another order each time."""
        drawn = np.random.default_rng([self._recipe.seed, phase, number, length])
        cut = Cut(length, int(drawn.integers(length - 1)))
        return Side(cut, drawn.permutation(cut.rows(self._tokens)), begin)

    def _steps(self, start: int, stop: int, place: Place) -> Iterator[Rows]:
        long_from = 1 - self._recipe.long_share
        step = start
        while step < stop and not self.over(place) and (place.phase or place.share < long_from):
            if self._turns is not None and self._turns.due(place.step):
                yield self._turns.taken(place.step) + self._rows
            else:
                number, side = divmod(step, len(self._sides))
                yield self._sides[side].taken(number, self._step_tokens)
                step += 1

    def cut_of(self, rows: Rows) -> tuple[Cut | None, Rows]:
        """How the stream is cut where these rows of one step come from, and which sequences they are; no cut where they
        are pairs."""
        for side in self._sides:
            if rows[0] < side.begin + len(side.order):
                return side.cut, rows - side.begin
        return None, rows - self._rows

    @property
    def length(self) -> float:
        """Tokens of a sequence, over what is learned in the leg under way: steps of each length have as many."""
        return float(np.mean([side.cut.length for side in self._sides]))

    def _streamed(self, step: int) -> int:
        """How many of the steps before `step` learned from the stream."""
        return step if self._turns is None else step - self._turns.before(step)

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


def _rows_in(tokens: int, length: int) -> int:
    return max(1, tokens // length)
