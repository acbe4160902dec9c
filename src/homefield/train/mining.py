"""Hard negatives: wrong partners that the network itself thinks right, looked for anew before each epoch.

What is found is kept in the run's folder until it ends, since a run that is resumed within an epoch has other weights
by then and would find others.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save

from homefield.evaluate.pairs import PairRows
from homefield.events import Event, Listener
from homefield.files import write_file
from homefield.index import ExactIndex
from homefield.train.assemble import Bench
from homefield.train.batches import steps_per_epoch
from homefield.train.checkpoint import Place
from homefield.train.defaults import tokens_to_look_at
from homefield.train.distributed import Ranks
from homefield.train.outputs import produce_outputs
from homefield.train.pairs import matters

__all__ = ["ALIKE", "MINED", "Miner", "hardest"]

MINED = "mined"
"""The folder in a run that they are kept in."""

ALIKE = 0.95
"""A wrong partner that scores more than this share of the right one's score is likelier an unknown right one (Moreira
et al. 2024, "NV-Retriever", positive-aware mining)."""
_CANDIDATES = 50_000
_POOL = 30
_IN_MEMORY = 64 * 2**20


@dataclass
class Miner:
    """Finds the wrong partners for each epoch of a run in `folder`."""

    bench: Bench
    ranks: Ranks
    folder: Path
    listen: Listener

    def before(self, epoch: int, place: Place) -> NDArray[np.int64]:
        """Wrong partners `[N, H]` for `epoch`: none before the first, those kept when the run stands within one."""
        pairs, recipe = self.bench.pairs["train"], self.bench.recipe
        none = np.full((len(pairs), 0), -1, dtype=np.int64)
        if epoch == 0 or recipe.negatives == 0 or pairs.views:
            return none
        file = self.folder / f"epoch-{epoch:04d}.safetensors"
        if place.step > epoch * steps_per_epoch(len(pairs), recipe.batch) and file.is_file():
            return cast("NDArray[np.int64]", load_file(file)["negatives"])
        self.listen(Event("stage", "train.stage_mining"))
        found = hardest(self._vectors(), pairs, recipe.negatives, seed=recipe.seed + epoch)
        if self.ranks.first:
            write_file(file, save({"negatives": found}))
        return found

    def _vectors(self) -> NDArray[np.float32]:
        bench, feed = self.bench, self.bench.feeds["train"]
        small = len(feed) * bench.network.outputs * 4 < _IN_MEMORY
        path = None if small else self.folder / ".vectors.safetensors"
        tokens = tokens_to_look_at(bench.precision.device.type)
        found = produce_outputs(
            bench.network, feed, path, size=bench.network.outputs, width=0, tokens=tokens, precision=bench.precision,
            ranks=self.ranks,
        )  # fmt: skip
        if path is not None:
            path.unlink(missing_ok=True)
        return found.logits


def hardest(vectors: NDArray[np.float32], pairs: PairRows, count: int, *, seed: int) -> NDArray[np.int64]:
    """For each row that is the same, the `count` others nearest to its text that are another matter: `[N, count]`.

    Places among the strings, -1 where fewer are left. Left out are texts known to be the same matter, and those within
    `ALIKE` of the right one's own score. Of more than 50,000 others a random 50,000 are looked through.
    """
    found = np.full((len(pairs), count), -1, dtype=np.int64)
    asked = np.flatnonzero(pairs.same)
    others = pairs.others_places
    if len(others) > _CANDIDATES:
        others = np.random.default_rng(seed).choice(others, _CANDIDATES, replace=False)
    index = ExactIndex(vectors.shape[1])
    index.add(others, np.asarray(vectors[others]))
    matter = matters(pairs.rows, len(pairs.strings))
    for start in range(0, len(asked), 4096):
        rows = asked[start : start + 4096]
        text, other = pairs.rows[rows, 0], pairs.rows[rows, 1]
        near = index.search(np.asarray(vectors[text]), _POOL + count)
        right = np.einsum("nd,nd->n", vectors[text], vectors[other])
        wrong = matter[near.ids] != matter[text][:, None]
        wrong &= near.similarities <= np.where(right > 0, ALIKE, 1.0)[:, None] * right[:, None]
        # The first `count` that are left, in the order of their similarity.
        order = np.argsort(~wrong, axis=1, kind="stable")[:, :count]
        chosen = np.take_along_axis(near.ids, order, axis=1)
        there = np.take_along_axis(wrong, order, axis=1)
        found[rows, : chosen.shape[1]] = np.where(there, chosen, -1)
    return found
