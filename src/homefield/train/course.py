"""What a loop goes along: which rows come at which step, at which learning rate, and where it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from homefield.train.batches import Rows, plan_epoch, steps_per_epoch
from homefield.train.checkpoint import Place
from homefield.train.recipe import Recipe
from homefield.train.schedule import factor

__all__ = ["Course", "Epochs", "Leg"]


@dataclass(frozen=True)
class Leg:
    """A stretch of steps that belong together. number: from 0, told to the objective. lengths: tokens per row.

    steps: the rows of each step still to come.
    """

    number: int
    lengths: NDArray[np.int32]
    steps: Iterator[Rows]


class Course(Protocol):
    """Everything follows from the place alone, so that a run that goes on from a checkpoint takes the same steps."""

    def over(self, place: Place) -> bool:
        """Whether no step is left."""
        ...

    def leg(self, place: Place) -> Leg:
        """The leg that the step at `place` is in."""
        ...

    def factor(self, place: Place) -> float:
        """The learning rate of the step at `place` as a share of its peak."""
        ...

    def share(self, place: Place, seconds: float) -> float:
        """How much of the course is behind the steps made, `seconds` of which the run has taken: 0 to 1."""
        ...

    def judged(self, place: Place, before: float) -> bool:
        """Whether to evaluate after the step just made; `before` it, that share of the course was behind."""
        ...

    def progress(self, place: Place) -> tuple[int, int]:
        """How far it is, and how far in all, in units that a reader can follow."""
        ...


class Epochs:
    """All rows `epochs` times, evaluated after each: fine-tuning.

    lengths: tokens per training row, by epoch. begin: called with each epoch's number before its first step, also when
    resuming within it.
    """

    def __init__(
        self, recipe: Recipe, epochs: int, lengths: Callable[[int], NDArray[np.int32]], begin: Callable[[int], None]
    ) -> None:
        self._recipe = recipe
        self._lengths = lengths
        self._begin = begin
        self._each = steps_per_epoch(len(lengths(0)), recipe.batch)
        self.total = self._each * epochs

    def over(self, place: Place) -> bool:
        """See `Course.over`."""
        return place.step >= self.total

    def leg(self, place: Place) -> Leg:
        """One epoch."""
        epoch = place.step // self._each
        lengths = self._lengths(epoch)
        recipe = self._recipe
        steps = plan_epoch(lengths, batch=recipe.batch, window=recipe.window, seed=recipe.seed, epoch=epoch)
        self._begin(epoch)
        return Leg(epoch, lengths, iter(steps[place.step % self._each :]))

    def factor(self, place: Place) -> float:
        """See `Course.factor`."""
        return factor(place.step, self.total, warmup=self._recipe.warmup, shape=self._recipe.schedule)

    def share(self, place: Place, seconds: float) -> float:
        """See `Course.share`."""
        del seconds
        return place.step / self.total

    def judged(self, place: Place, before: float) -> bool:
        """After each epoch."""
        del before
        return place.step % self._each == 0

    def progress(self, place: Place) -> tuple[int, int]:
        """In steps."""
        return place.step, self.total
