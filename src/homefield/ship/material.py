"""What an export works from: the run's network, its dataset's rows, and the rows the parity gate looks at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from homefield.backbones.encode import encode
from homefield.data.dataset import Dataset, SplitName
from homefield.errors import CallError
from homefield.evaluate.calibration import Output
from homefield.evaluate.grams import Beside
from homefield.evaluate.pairs import PairRows, frame_rows
from homefield.tasks import task
from homefield.train.batches import cut_by_tokens
from homefield.train.network import Network
from homefield.train.run import Run

__all__ = ["Material", "Rows", "network_logits", "read_material"]

SAMPLE = 256
_TOKENS = 1_024
CHECKED = 5_000  # rows that decide about int8 at most, evenly spaced


@dataclass(frozen=True)
class Rows:
    """Rows of one split. targets: as the task gives them. logits: what the run gave, None when it kept none."""

    frame: pl.DataFrame
    targets: NDArray[Any]
    names: list[str]
    logits: NDArray[np.float32] | None

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def texts(self) -> list[str]:
        """The texts, cleaned."""
        return self.frame["text"].to_list()

    def at(self, places: NDArray[np.int64]) -> Rows:
        """Some of the rows."""
        logits = None if self.logits is None else np.asarray(self.logits[places])
        return Rows(self.frame[places], self.targets[places], [self.names[place] for place in places], logits)


def network_logits(network: Network, texts: Sequence[str]) -> NDArray[np.float32]:
    """Outputs `[N, C]` of a network in PyTorch, float32, read as in training."""
    encoded = encode(texts, network.backbone.tokenizer, network.info.max_length)
    found: NDArray[np.float32] | None = None
    with torch.inference_mode():
        for part in cut_by_tokens(np.arange(len(texts)), encoded.lengths.astype(np.int32), _TOKENS):
            ids, mask = encoded.batch(part, pad_id=network.backbone.pad_id)
            logits, _ = network(torch.from_numpy(ids), torch.from_numpy(mask))
            if found is None:
                found = np.empty((len(texts), logits.shape[1]), dtype=np.float32)
            found[part] = logits.numpy()
    assert found is not None
    return found


@dataclass(frozen=True)
class Material:
    """A finished run, opened for export."""

    run: Run
    dataset: Dataset
    network: Network
    beside: Beside | None = None

    def logits(self, network: Network, texts: Sequence[str]) -> NDArray[np.float32]:
        """Outputs `[N, C]` of a form of the run's network in PyTorch, with what stands beside it."""
        found = network_logits(network, texts)
        return found if self.beside is None else self.beside.join(found, texts)

    @property
    def output(self) -> Output:
        """The kind of output."""
        return self.network.info.output

    @property
    def labels(self) -> tuple[str, ...]:
        """What the outputs stand for."""
        return self.network.info.labels

    def pairs(self, split: SplitName) -> PairRows:
        """Of a task that gives vectors the pairs of a split, as the run read them."""
        sources = [str(one.get("file", index)) for index, one in enumerate(self.dataset.manifest.sources)]
        return frame_rows(self.dataset.frame(split), sources, noisy=split != "train")

    def rows(self, split: SplitName) -> Rows:
        """The rows of a split, with what the run gave for them; of a task that gives vectors its strings."""
        if self.output == "vector":
            pairs = self.pairs(split)
            strings = pl.DataFrame({"text": pairs.strings}, schema={"text": pl.String})
            kept = split != "train" and len(pairs) > 0
            logits = self.run.outputs(split).logits if kept else None
            return Rows(strings, np.zeros((len(strings), 0)), list(pairs.names), logits)
        frame = self.dataset.frame(split)
        kind = task(self.network.info.task)
        if len(frame):
            targets: NDArray[Any] = kind.targets(frame["label"], self.labels)
        else:
            targets = np.empty((0,) if self.output == "category" else (0, kind.size(self.labels)))
        sources = [str(one.get("file", index)) for index, one in enumerate(self.dataset.manifest.sources)]
        names = [f"{sources[source]}:{row}" for source, row in frame.select("source", "row").iter_rows()]
        kept = split != "train" and len(frame) > 0
        return Rows(frame, targets, names, self.run.outputs(split).logits if kept else None)

    @cached_property
    def checked(self) -> Rows:
        """The rows that decide about int8: of validation, or the first other split that has any.

        Raises:
            CallError: `ship.no_rows`.
        """
        order: tuple[SplitName, ...] = ("validation", "calibration", "test", "train")
        for split in order:
            if self.dataset.rows(split):
                rows = self.rows(split)
                return rows.at(np.linspace(0, len(rows) - 1, min(len(rows), CHECKED)).astype(np.int64))
        raise CallError("ship.no_rows", dataset=self.dataset.path)

    @property
    def ranked(self) -> SplitName:
        """The split whose pairs decide about int8, of a task that gives vectors.

        Raises:
            CallError: `ship.no_rows`.
        """
        order: tuple[SplitName, ...] = ("validation", "calibration", "test", "train")
        for split in order:
            if self.dataset.rows(split):
                return split
        raise CallError("ship.no_rows", dataset=self.dataset.path)

    @cached_property
    def sample(self) -> Rows:
        """At most 256 of the checked rows: an eighth the shortest, an eighth the longest, the rest evenly spaced."""
        order = np.argsort(self.checked.frame["text"].str.len_chars().to_numpy(), kind="stable")
        if len(order) > SAMPLE:
            edge = SAMPLE // 8
            middle = order[edge:-edge]
            spaced = middle[np.linspace(0, len(middle) - 1, SAMPLE - 2 * edge).astype(np.int64)]
            order = np.concatenate([order[:edge], spaced, order[-edge:]])
        return self.checked.at(order.astype(np.int64))

    @property
    def scale(self) -> float:
        """What outputs are compared in units of: the targets' spread for a number, else 1."""
        spread = float(self.rows("train").targets.std()) if self.output == "number" else 1.0
        return max(1.0, spread)


def read_material(run: Run) -> Material:
    """Open everything and see that it belongs together.

    Raises:
        CallError: `ship.unfinished`, `ship.other_dataset`, or as `open_dataset`.
        Tampered: `dataset.changed`.
    """
    if run.status != "finished":
        raise CallError("ship.unfinished", run=run.path, status=run.status)
    dataset = run.dataset
    expected, got = str(run.record["dataset"]["hash"]), dataset.manifest.hash
    if expected != got:
        raise CallError("ship.other_dataset", run=run.path, dataset=dataset.path, expected=expected[:16], got=got[:16])
    dataset.verify()
    return Material(run, dataset, run.network(), run.beside())
