"""The loop: steps along a course, evaluation and checkpoints between. It knows no task and no network.

What is learned comes in as `objective`, which turns rows into a sum of losses and the weight to divide it by; how good
it is as `judge`. Everything a step depends on is in the weights, the optimiser's state and the step's number, which is
why a run that was killed goes on to the same weights as one that was not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from homefield.errors import CallError, Interrupted
from homefield.train.batches import Rows, cut_by_tokens, padded_tokens
from homefield.train.checkpoint import Checkpoints, Place
from homefield.train.course import Course, Leg
from homefield.train.distributed import Ranks
from homefield.train.optimiser import Optimiser
from homefield.train.progress import Teller
from homefield.train.stop import Stop

__all__ = ["Habits", "Judge", "Loop", "Metric", "Objective"]

Objective = Callable[[Rows, int], tuple[Tensor, Tensor]]
"""Rows and the number of their leg (an epoch) to the sum of their losses and its weight."""
Judge = Callable[[], dict[str, Any]]
_SUMMED = ("loss", "weight", "samples", "tokens", "padded", "seconds")


@dataclass(frozen=True)
class Metric:
    """The number of an evaluation that decides which weights are kept.

    rows: of how many rows it is a share (accuracy, F1); 0 for other numbers, which are taken as they are.
    """

    name: str
    falling: bool
    rows: int = 0

    def better(self, value: float, than: float) -> bool:
        """Whether `value` beats `than`."""
        return value < than if self.falling else value > than

    def as_good(self, value: float, than: float) -> bool:
        """Whether `value` is not worse than `than` by more than the standard error of a share of so few rows."""
        slack = sqrt(max(0.0, than * (1 - than)) / self.rows) if self.rows else 0.0
        return not self.better(than - slack, value)


class Habits(Protocol):
    """What a recipe says of the loop itself."""

    @property
    def seed(self) -> int:
        """Every random number of a step follows from it, the step and the rank."""

    @property
    def log_every(self) -> int:
        """Steps between two lines of numbers."""

    @property
    def checkpoint_minutes(self) -> float:
        """Minutes between two checkpoints."""


@dataclass
class Loop:
    """One run's steps.

    tokens: most of them at once. judge: None when there is nothing to judge by. metric: None when the last weights are
    kept whatever the judge says. best: the best weights so far, None before the first evaluation. patience: evaluations
    without gain before stopping early, 0 for never. more: further numbers told beside those of a step. together: learns
    from a step whose rows depend on each other, all at once, gradients included, and gives this rank's sum of losses
    and weight; instead of `objective`.
    """

    habits: Habits
    course: Course
    tokens: int
    device: torch.device
    objective: Objective
    judge: Judge | None
    metric: Metric | None
    optimiser: Optimiser
    ranks: Ranks
    checkpoints: Checkpoints
    teller: Teller
    stop: Stop
    place: Place
    best: dict[str, Tensor] | None = None
    patience: int = 0
    more: Callable[[Mapping[str, float]], Mapping[str, float]] = lambda numbers: {}  # noqa: ARG005
    together: Callable[[Rows, int], Tensor] | None = None

    def __post_init__(self) -> None:
        self._sums = dict.fromkeys(_SUMMED, 0.0) | self.place.since
        self._loss = torch.tensor([self._sums["loss"], self._sums["weight"]], dtype=torch.float64, device=self.device)
        self._clock = self._saved = self._started = time.perf_counter()

    def run(self) -> Place:
        """Go on from `place` to the end.

        Raises:
            Interrupted: `train.interrupted`, after a checkpoint.
            CallError: `train.diverged`, when the loss is no number any more.
        """
        place = self.place
        self.teller.stage(self.course.progress(place)[1])
        self._clock = time.perf_counter()
        while not self.course.over(place) and not place.stopped_early:
            leg = self.course.leg(place)
            for rows in leg.steps:
                before = place.share
                stopping = self._step(rows, leg)
                if self.course.judged(place, before):
                    self._evaluate(leg.number)
                self._secure(stopping)
        return place

    def _step(self, rows: Rows, leg: Leg) -> bool:
        place, step = self.place, self.place.step
        # The random numbers of a step follow from its number, so there is no generator to save and restore.
        torch.manual_seed(_mixed(self.habits.seed, step, self.ranks.rank))
        parts = cut_by_tokens(self.ranks.share(rows), leg.lengths, self.tokens)
        sums = torch.zeros(4, dtype=torch.float64, device=self.device)
        if self.together is not None:
            sums[:2] += self.together(rows, leg.number).to(sums)
            self.optimiser.collect()
        for part in parts if self.together is None else ():
            loss, weight = self.objective(part, leg.number)
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimiser.collect()
            sums[:2] += torch.stack([loss.detach(), weight.detach().to(loss)]).to(sums)
        stopping, factor = self.stop.asked, self.course.factor(place)
        place.step += 1
        place.share = self.course.share(place, place.seconds + time.perf_counter() - self._started)
        if self.ranks.size > 1:
            # One rank that was told to stop stops all, after the same step; the first one's clock counts for all.
            sums[2], sums[3] = float(stopping), place.share if self.ranks.first else 0.0
            self.ranks.add([*self.optimiser.gradients(), sums])
            stopping, place.share = bool(sums[2] > 0), float(sums[3])
        norm = self.optimiser.step(sums[1].float(), factor)
        self._loss += sums[:2]
        self._sums["samples"] += len(rows)
        self._sums["tokens"] += float(leg.lengths[rows].sum())
        self._sums["padded"] += padded_tokens(parts, leg.lengths) * self.ranks.size
        if place.step % self.habits.log_every == 0 or place.step == 1 or self.course.over(place):
            self._log(leg.number, float(norm))
        self.teller.advanced(*self.course.progress(place))
        return stopping

    def _log(self, epoch: int, norm: float) -> None:
        if not np.isfinite(norm):
            raise CallError(
                f"{self.teller.area}.diverged", step=self.place.step, rate=f"{self.optimiser.learning_rate:.2g}"
            )
        now = time.perf_counter()
        sums = self._sums
        seconds = max(now - self._clock + sums["seconds"], 1e-9)
        values = {
            "epoch": epoch + 1,
            "loss": float(self._loss[0] / self._loss[1]),
            "learning_rate": self.optimiser.learning_rate,
            "gradient_norm": norm,
            "samples_per_second": round(sums["samples"] / seconds, 2),
            "tokens_per_second": round(sums["tokens"] / seconds, 1),
            "padding": round(1 - sums["tokens"] / sums["padded"], 4),
        }
        self.teller.numbers("step", self.place.step, {**values, **self.more(values)})
        self._sums = dict.fromkeys(sums, 0.0)
        self._loss.zero_()
        self._clock = now

    def _evaluate(self, epoch: int) -> None:
        if self.judge is None:
            return
        began = time.perf_counter()
        with self.optimiser.averaged():
            found = self.judge()
        if self.metric is None:
            self.teller.numbers("evaluation", self.place.step, {"epoch": epoch + 1, **found})
        else:
            self._compare(epoch, found, self.metric)
        self._clock += time.perf_counter() - began

    def _compare(self, epoch: int, found: dict[str, Any], metric: Metric) -> None:
        place, value = self.place, float(found[metric.name])
        gained = place.peak is None or metric.better(value, place.peak)
        if gained:
            place.peak = value
        # A row more or less is chance, and the schedule lets later weights settle: of equally good ones the last.
        if place.peak is not None and metric.as_good(value, place.peak):
            place.best_step, place.best_epoch, place.best_value = place.step, epoch + 1, value
            self.best = {name: tensor.clone() for name, tensor in self.optimiser.weights().items()}
        place.without_gain = 0 if gained else place.without_gain + 1
        place.stopped_early = 0 < self.patience <= place.without_gain
        self.teller.numbers("evaluation", place.step, {"epoch": epoch + 1, **found})
        if place.stopped_early:
            self.teller.note("train.stopped_early", epoch=epoch + 1, best=place.best_epoch)

    def _secure(self, stopping: bool) -> None:
        now = time.perf_counter()
        due = now - self._saved >= self.habits.checkpoint_minutes * 60 and not self.course.over(self.place)
        if (due or stopping) and self.ranks.first:
            place = self.place
            place.since = {**self._sums, "loss": float(self._loss[0]), "weight": float(self._loss[1])}
            place.since["seconds"] += now - self._clock
            place.seconds += now - self._started
            place.metrics_bytes = self.teller.secured()
            self.checkpoints.save(place, self.optimiser.state(), self.best)
            self._saved = self._started = time.perf_counter()
            self._clock += self._saved - now
        if stopping:
            self.ranks.wait()
            done, total = self.course.progress(self.place)
            raise Interrupted(f"{self.teller.area}.interrupted", step=done, total=total, run=self.stop.run)


def _mixed(seed: int, step: int, rank: int) -> int:
    return int(np.random.SeedSequence([seed, step, rank]).generate_state(1, np.uint64)[0] >> 1)
