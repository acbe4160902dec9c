"""Pairs in the loop: a step whose rows are learned from together, at constant memory, with mined wrong partners.

Gradient caching (Gao, Zhang, Han & Callan 2021, "Scaling deep contrastive learning batch size under memory limited
setup"): the vectors of a step's texts are made part by part without keeping what a backward pass needs, the loss over
all of them gives the gradient of each vector, and every part is run once more to carry its vectors' gradients into the
weights. Random numbers are counted by part, so that the second run drops out what the first did. Steps of a few parts
keep their graphs, which saves that run.

Texts without pairs are seen twice, and only what was dropped out or noised differs (Gao, Yao & Chen 2021, "SimCSE").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from homefield.tasks.match import Match, PairStep
from homefield.train.assemble import Bench
from homefield.train.batches import Rows, cut_by_tokens
from homefield.train.distil import alike_loss
from homefield.train.distributed import Ranks

__all__ = ["HELD", "Coupled", "Strings", "matters"]

HELD = 4
"""Parts of a step whose graphs are kept at once; a step of more is run twice."""


@dataclass(frozen=True)
class Strings:
    """The n strings of a step, as places in the feed. second: how many of the last are second views of the first."""

    places: NDArray[np.int64]
    step: PairStep
    second: int


@dataclass
class Coupled:
    """Learns from the training pairs of `bench`. negatives: `[N, H]` mined wrong partners as places among the strings,
    -1 for none; set before each epoch."""

    bench: Bench
    ranks: Ranks
    negatives: NDArray[np.int64]
    held: int = HELD

    def __post_init__(self) -> None:
        self._feed = self.bench.feeds["train"]
        self._pairs = self.bench.pairs["train"]
        self._device = self.bench.precision.device
        assert isinstance(self.bench.task, Match)
        self._task = self.bench.task
        self._matter = matters(self._pairs.rows, len(self._pairs.strings))

    def lengths(self, epoch: int) -> NDArray[np.int32]:
        """Tokens of both texts of each row `[N]`."""
        lengths = self._feed.lengths(epoch)
        rows = self._pairs.rows
        return np.asarray(lengths[rows[:, 0]] + lengths[rows[:, 1]], dtype=np.int32)

    def strings(self, rows: Rows) -> Strings:
        """What `rows` need vectors of."""
        pairs, mined = self._pairs.rows[rows], self.negatives[rows]
        text, other, same = pairs.T
        if self._pairs.views:
            places, local = np.concatenate([text, other]), np.arange(2 * len(rows)).reshape(2, -1)
            found = np.empty((len(rows), 0), dtype=np.int64)
            second = len(rows)
        else:
            places, inverse = np.unique(np.concatenate([text, other, mined[mined >= 0]]), return_inverse=True)
            local, second = inverse[: 2 * len(rows)].reshape(2, -1), 0
            found = np.full(mined.shape, -1, dtype=np.int64)
            found[mined >= 0] = inverse[2 * len(rows) :]
        step = PairStep(
            self._moved(local[0]),
            self._moved(local[1]),
            self._moved(same == 1),
            self._moved(found),
            self._moved(self._matter[places]),
        )
        return Strings(places, step, second)

    def objective(self, rows: Rows, epoch: int) -> tuple[Tensor, Tensor]:
        """The loss of rows that fit in memory, ready for `backward`."""
        strings = self.strings(rows)
        parts = self._parts(strings, epoch)
        vectors = torch.cat([self._vectors(strings, part, epoch) for part in parts])
        order = torch.from_numpy(np.argsort(np.concatenate(parts))).to(self._device)
        return self._loss(vectors[order], strings)

    def together(self, rows: Rows, epoch: int) -> Tensor:
        """Learn from a step's rows, gradients included: the sum of their losses and its weight, `[2]`, of this rank.

        Every rank makes the vectors of its share of the texts and gets those of the others, so that each row is
        contrasted with the whole step; the loss is counted in equal shares.
        """
        strings = self.strings(rows)
        parts = self._parts(strings, epoch)[self.ranks.rank :: self.ranks.size]
        kept = len(parts) <= self.held
        base = torch.initial_seed()
        vectors = torch.zeros(len(strings.places), self.bench.network.outputs, device=self._device)
        made: list[Tensor | None] = []
        for number, part in enumerate(parts):
            torch.manual_seed(base + number)
            with torch.set_grad_enabled(kept):
                found = self._vectors(strings, part, epoch)
            vectors[torch.from_numpy(part).to(self._device)] = found.detach()
            made.append(found if kept else None)
        self.ranks.add([vectors])
        loss, weight = self._loss(vectors.requires_grad_(), strings)
        loss.backward()  # type: ignore[no-untyped-call]
        assert vectors.grad is not None
        for number, part in enumerate(parts):
            again = made[number]
            if again is None:
                torch.manual_seed(base + number)
                again = self._vectors(strings, part, epoch)
            again.backward(vectors.grad[torch.from_numpy(part).to(self._device)])  # type: ignore[no-untyped-call]
        return torch.stack([loss.detach(), weight]) / self.ranks.size

    def _loss(self, vectors: Tensor, strings: Strings) -> tuple[Tensor, Tensor]:
        """The task's loss of a step's vectors `[n, D]`; with a teacher, `soft` of it is by what that finds alike."""
        loss, weight = self._task.contrast(vectors, strings.step)
        if self.bench.soft is None or len(vectors) < 2:
            return loss, weight
        wanted = self.bench.soft[torch.from_numpy(strings.places)].to(self._device)
        share = self.bench.recipe.soft
        return (1 - share) * loss + share * weight * alike_loss(vectors, wanted, self._task.temperature), weight

    def look(self, rows: Rows) -> object:
        """The vectors of rows' texts, without gradients."""
        with torch.inference_mode():
            return self._feed.produce(self.bench.network, self._pairs.rows[rows, 0], 0, self.bench.precision)

    def _moved(self, array: NDArray[Any]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self._device)

    def _parts(self, strings: Strings, epoch: int) -> list[NDArray[np.int64]]:
        """Places among a step's strings that go through the network at once; never of both views."""
        tokens, count = self.bench.recipe.tokens, len(strings.places)
        assert isinstance(tokens, int)
        cut = count - strings.second
        found = []
        for first, last, form in ((0, cut, epoch), (cut, count, epoch + 1)):
            lengths = self._feed.lengths(form)[strings.places]
            found += cut_by_tokens(np.arange(first, last, dtype=np.int64), lengths, tokens)
        return found

    def _vectors(self, strings: Strings, part: NDArray[np.int64], epoch: int) -> Tensor:
        second = bool(strings.second) and int(part[0]) >= len(strings.places) - strings.second
        found, _ = self._feed.produce(
            self.bench.network, strings.places[part], epoch + second, self.bench.precision
        )  # fmt: skip
        return found.float()


def matters(rows: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """For each of `count` strings the number of its matter: connected by pairs that are the same."""
    same = rows[rows[:, 2] == 1]
    graph = coo_matrix((np.ones(len(same), dtype=np.int8), (same[:, 0], same[:, 1])), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)
