"""Several tasks on one backbone: which rows of which task an epoch holds, and what is learned from and judged by them.

An epoch has as many rows as all tasks together, of each a share in proportion to the root of its rows, so that a
small task is neither drowned nor learned by heart (Wang, Tsvetkov & Neubig 2020 call it temperature sampling, T = 2). A
task's rows are gone through in a new order each time, and none comes twice before all have come. Everything follows
from seed, task and epoch, so there is nothing to keep in a checkpoint.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import sqrt
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from homefield.train.assemble import Bench
from homefield.train.batches import Rows
from homefield.train.check import Checked
from homefield.train.loop import Judge, Metric

__all__ = ["MEAN", "Mixture", "mean_metric", "mixed_judge", "mixed_lengths", "mixed_objective", "own_numbers"]

MEAN = "mean"
"""The number of an evaluation that is the mean of the tasks' own metrics."""


@dataclass(frozen=True)
class Mixture:
    """rows: of each task."""

    rows: tuple[int, ...]
    seed: int

    @cached_property
    def counts(self) -> tuple[int, ...]:
        """Rows of each task in an epoch: at least one, and all together as many as there are."""
        total, roots = sum(self.rows), [sqrt(count) for count in self.rows]
        wanted = [total * root / sum(roots) for root in roots]
        counts = [max(1, int(each)) for each in wanted]
        rest = sorted(range(len(wanted)), key=lambda task: (int(wanted[task]) - wanted[task], task))
        for place in range(total - sum(counts)):
            counts[rest[place % len(rest)]] += 1
        return tuple(counts)

    def epoch(self, number: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The task of each of the epoch's N rows `[N]`, and its place among the task's rows `[N]`."""
        tasks = np.repeat(np.arange(len(self.rows)), self.counts)
        return tasks, np.concatenate([self._drawn(task, number) for task in range(len(self.rows))])

    def _drawn(self, task: int, number: int) -> NDArray[np.int64]:
        rows, count = self.rows[task], self.counts[task]
        places = np.arange(number * count, (number + 1) * count)
        passes = range(places[0] // rows, places[-1] // rows + 1)
        orders = [np.random.default_rng([self.seed, 7, task, each]).permutation(rows) for each in passes]
        return np.concatenate(orders)[places - passes[0] * rows]


def _mixture(benches: Sequence[Bench]) -> Mixture:
    return Mixture(tuple(len(bench.feeds["train"]) for bench in benches), benches[0].recipe.seed)


def mixed_lengths(benches: Sequence[Bench]) -> Callable[[int], NDArray[np.int32]]:
    """Tokens of each row of an epoch."""
    mixture = _mixture(benches)

    def lengths(epoch: int) -> NDArray[np.int32]:
        tasks, places = mixture.epoch(epoch)
        each = [bench.feeds["train"].lengths(epoch)[places[tasks == task]] for task, bench in enumerate(benches)]
        return np.concatenate(each)

    return lengths


def mixed_objective(benches: Sequence[Bench]) -> Callable[[Rows, int], tuple[Tensor, Tensor]]:
    """Rows of an epoch to the sum of their losses, each by its own task, and the sum of their weights."""
    mixture = _mixture(benches)
    drawn = lru_cache(maxsize=2)(mixture.epoch)
    device = benches[0].precision.device
    targets = [torch.from_numpy(bench.targets["train"]).to(device) for bench in benches]

    def objective(rows: Rows, epoch: int) -> tuple[Tensor, Tensor]:
        tasks, places = drawn(epoch)
        total, weight = torch.zeros((), device=device), torch.zeros((), device=device)
        for number, bench in enumerate(benches):
            mine = places[rows[tasks[rows] == number]]
            if len(mine):
                logits, _ = bench.feeds["train"].produce(bench.network, mine, epoch, bench.precision)
                loss, of = bench.task.loss(logits, targets[number][torch.from_numpy(mine).to(device)])
                total, weight = total + loss, weight + of
            else:
                # A head without rows has gradients of zero, whether one process or several make the step.
                total = total + sum(0.0 * parameter.float().sum() for parameter in bench.network.head.parameters())
        return total, weight

    return objective


def mixed_judge(benches: Sequence[Bench], judges: Sequence[Judge | None], metrics: Sequence[Metric]) -> Judge | None:
    """The metrics of every task that has validation rows, as `NAME.METRIC`, and the mean of their own ones."""
    if not any(judges):
        return None

    def judge() -> dict[str, Any]:
        found: dict[str, Any] = {}
        own = []
        for bench, each, metric in zip(benches, judges, metrics, strict=True):
            if each is not None:
                numbers = each()
                own.append(float(numbers[metric.name]))
                found |= {f"{bench.name}.{name}": value for name, value in numbers.items()}
        return {MEAN: float(np.mean(own)), **found}

    return judge


def own_numbers(lines: Sequence[str], name: str) -> list[str]:
    """Of the lines of metrics.jsonl those of one task: steps as they are, evaluations under the metrics' own names."""
    found = []
    for line in map(json.loads, lines):
        if line["kind"] == "evaluation":
            own = {key.removeprefix(f"{name}."): value for key, value in line.items() if key.startswith(f"{name}.")}
            line = {**{key: line[key] for key in ("kind", "step", "epoch")}, **own}
        found.append(json.dumps(line))
    return found


def mean_metric(several: Sequence[Checked]) -> Metric:
    """What decides which weights are kept: of one task its own metric, of several their mean; higher is better."""
    if len(several) == 1:
        return several[0].metric
    shares = [checked.metric.rows for checked in several if checked.dataset.rows("validation")]
    return Metric(MEAN, falling=False, rows=sum(shares) if all(shares) else 0)
