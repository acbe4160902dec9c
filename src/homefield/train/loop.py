"""The loop: steps over epochs, evaluation after each, checkpoints between. It knows no task and no network.

What is learned comes in as `objective`, which turns rows into a sum of losses and the weight to divide it by; how good
it is as `judge`. Everything a step depends on is in the weights, the optimiser's state and the step's number, which is
why a run that was killed goes on to the same weights as one that was not.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from homefield.errors import CallError, Interrupted
from homefield.train.batches import Rows, cut_by_tokens, padded_tokens, plan_epoch, steps_per_epoch
from homefield.train.checkpoint import Checkpoints, Place
from homefield.train.distributed import Ranks
from homefield.train.optimiser import Optimiser
from homefield.train.progress import Teller
from homefield.train.recipe import Recipe
from homefield.train.schedule import factor
from homefield.train.stop import Stop

__all__ = ["Judge", "Loop", "Metric", "Objective"]

Objective = Callable[[Rows, int], tuple[Tensor, Tensor]]
"""Rows and epoch (0-based) to the sum of their losses and its weight."""
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


@dataclass
class Loop:
    """One run's steps.

    lengths: tokens per training row, by epoch. tokens: most of them at once. judge: None when there is nothing to judge
    by. begin: called with each epoch's number before its first step, also when resuming within it. best: the best
    weights so far, None before the first evaluation. together: learns from a step whose rows depend on each other, all
    at once, gradients included, and gives this rank's sum of losses and weight; instead of `objective`.
    """

    recipe: Recipe
    epochs: int
    tokens: int
    lengths: Callable[[int], NDArray[np.int32]]
    device: torch.device
    objective: Objective
    judge: Judge | None
    metric: Metric
    optimiser: Optimiser
    begin: Callable[[int], None]
    ranks: Ranks
    checkpoints: Checkpoints
    teller: Teller
    stop: Stop
    place: Place
    best: dict[str, Tensor] | None = None
    together: Callable[[Rows, int], Tensor] | None = None

    def __post_init__(self) -> None:
        self._per_epoch = steps_per_epoch(len(self.lengths(0)), self.recipe.batch)
        self.total = self._per_epoch * self.epochs
        self._sums = dict.fromkeys(_SUMMED, 0.0) | self.place.since
        self._loss = torch.tensor([self._sums["loss"], self._sums["weight"]], dtype=torch.float64, device=self.device)
        self._clock = self._saved = self._started = time.perf_counter()

    def run(self) -> Place:
        """Go on from `place` to the end.

        Raises:
            Interrupted: `train.interrupted`, after a checkpoint.
            CallError: `train.diverged`, when the loss is no number any more.
        """
        self.teller.stage(self.total)
        self._clock = time.perf_counter()
        while self.place.step < self.total and not self.place.stopped_early:
            epoch = self.place.step // self._per_epoch
            self._lengths = self.lengths(epoch)
            steps = plan_epoch(
                self._lengths, batch=self.recipe.batch, window=self.recipe.window, seed=self.recipe.seed, epoch=epoch
            )
            self.begin(epoch)
            for rows in steps[self.place.step % self._per_epoch :]:
                stopping = self._step(rows, epoch)
                if self.place.step % self._per_epoch == 0:
                    self._evaluate(epoch)
                self._secure(stopping)
        return self.place

    def _step(self, rows: Rows, epoch: int) -> bool:
        step = self.place.step
        # The random numbers of a step follow from its number, so there is no generator to save and restore.
        torch.manual_seed(_mixed(self.recipe.seed, step, self.ranks.rank))
        parts = cut_by_tokens(self.ranks.share(rows), self._lengths, self.tokens)
        sums = torch.zeros(3, dtype=torch.float64, device=self.device)
        if self.together is not None:
            sums[:2] += self.together(rows, epoch).to(sums)
            self.optimiser.collect()
        for part in parts if self.together is None else ():
            loss, weight = self.objective(part, epoch)
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimiser.collect()
            sums[:2] += torch.stack([loss.detach(), weight.detach()]).to(sums)
        stopping = self.stop.asked
        if self.ranks.size > 1:
            # One rank that was told to stop stops all, after the same step.
            sums[2] = float(stopping)
            self.ranks.add([*self.optimiser.gradients(), sums])
            stopping = bool(sums[2] > 0)
        norm = self.optimiser.step(sums[1].float(), self._factor(step))
        self._loss += sums[:2]
        self._sums["samples"] += len(rows)
        self._sums["tokens"] += float(self._lengths[rows].sum())
        self._sums["padded"] += padded_tokens(parts, self._lengths) * self.ranks.size
        self.place.step += 1
        if self.place.step % self.recipe.log_every == 0 or self.place.step in (1, self.total):
            self._log(epoch, float(norm))
        self.teller.advanced(self.place.step, self.total)
        return stopping

    def _factor(self, step: int) -> float:
        return factor(step, self.total, warmup=self.recipe.warmup, shape=self.recipe.schedule)

    def _log(self, epoch: int, norm: float) -> None:
        if not np.isfinite(norm):
            raise CallError("train.diverged", step=self.place.step, rate=f"{self.optimiser.learning_rate:.2g}")
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
        self.teller.numbers("step", self.place.step, values)
        self._sums = dict.fromkeys(sums, 0.0)
        self._loss.zero_()
        self._clock = now

    def _evaluate(self, epoch: int) -> None:
        if self.judge is None:
            return
        began = time.perf_counter()
        with self.optimiser.averaged():
            found = self.judge()
        place, value = self.place, float(found[self.metric.name])
        gained = place.peak is None or self.metric.better(value, place.peak)
        if gained:
            place.peak = value
        # A row more or less is chance, and the schedule lets later weights settle: of equally good ones the last.
        if place.peak is not None and self.metric.as_good(value, place.peak):
            place.best_step, place.best_epoch, place.best_value = place.step, epoch + 1, value
            self.best = {name: tensor.clone() for name, tensor in self.optimiser.weights().items()}
        place.without_gain = 0 if gained else place.without_gain + 1
        place.stopped_early = 0 < self.recipe.patience <= place.without_gain
        self.teller.numbers("evaluation", place.step, {"epoch": epoch + 1, **found})
        if place.stopped_early:
            self.teller.note("train.stopped_early", epoch=epoch + 1, best=place.best_epoch)
        self._clock += time.perf_counter() - began

    def _secure(self, stopping: bool) -> None:
        now = time.perf_counter()
        due = now - self._saved >= self.recipe.checkpoint_minutes * 60 and self.place.step < self.total
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
            raise Interrupted("train.interrupted", step=self.place.step, total=self.total, run=self.stop.run)


def _mixed(seed: int, step: int, rank: int) -> int:
    return int(np.random.SeedSequence([seed, step, rank]).generate_state(1, np.uint64)[0] >> 1)
