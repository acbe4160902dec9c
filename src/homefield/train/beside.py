"""N-grams stand beside a trained network where held-out rows say that both together know more than it alone.

See `homefield.evaluate.beside`. It happens after training, on outputs, so that nothing of the network, its caches or
its frozen part depends on it; what is kept in `outputs/` is what both say together.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from homefield.data.dataset import Dataset, SplitName
from homefield.evaluate.baselines import MOST_ROWS
from homefield.evaluate.beside import Shares, fit_grams, fit_shares
from homefield.evaluate.grams import Beside
from homefield.events import Event
from homefield.files import write_file
from homefield.train.assemble import Bench
from homefield.train.outputs import Outputs
from homefield.train.run import BESIDE
from homefield.train.surroundings import Surroundings

__all__ = ["stand_beside"]

_JUDGED: tuple[SplitName, ...] = ("test", "calibration", "validation")


def stand_beside(bench: Bench, dataset: Dataset, found: Mapping[SplitName, Outputs], around: Surroundings) -> None:
    """Fit n-grams on the training rows and their share on validation. If they gain, or few rows cannot tell, write
    them, put what both say together into the outputs `found`, and record what either reached alone; else say that they
    do not."""
    around.record.values.pop("beside", None)
    (around.folder / BESIDE).unlink(missing_ok=True)
    if "validation" not in found:
        around.listen(Event("note", "train.beside_no_rows"))
        return
    began = time.perf_counter()
    around.listen(Event("stage", "train.stage_beside"))
    output, size = bench.task.output, bench.network.outputs
    frame = dataset.frame("train")
    kept = np.unique(np.linspace(0, len(frame) - 1, min(len(frame), MOST_ROWS)).astype(np.int64))
    texts, targets = frame["text"].gather(kept).to_list(), bench.targets["train"][kept]
    grams = fit_grams(texts, targets, output, size, seed=bench.recipe.seed)
    alone = {split: grams.outputs(dataset.frame(split)["text"].to_list()) for split in found}
    shares = fit_shares(found["validation"].logits, alone["validation"], bench.targets["validation"], output)
    around.record.took("beside", time.perf_counter() - began)
    if shares is None:
        around.listen(Event("note", "train.beside_nothing"))
        return
    split = next(split for split in _JUDGED if split in found)
    reached = {"network": _headline(bench, found[split].logits, split), "ngrams": _headline(bench, alone[split], split)}
    beside = Beside(grams, np.array([shares.network, shares.grams], np.float32))
    for each, outputs in found.items():
        outputs.logits[:] = beside.join(outputs.logits, dataset.frame(each)["text"].to_list())
    reached["both"] = _headline(bench, found[split].logits, split)
    _keep(bench, beside, shares, split, reached, around)


def _keep(
    bench: Bench, beside: Beside, shares: Shares, split: str, reached: Mapping[str, float], around: Surroundings
) -> None:
    if around.ranks.first:
        write_file(around.folder / BESIDE, save(beside.arrays()))
    around.record.update(
        beside={
            "split": split,
            "metric": bench.task.metric,
            **reached,
            "shares": {"network": shares.network, "ngrams": shares.grams},
            "gain": shares.gain,
            "low": shares.low,
            "rows": shares.rows,
        }
    )
    told = {name: f"{100 * value:.1f} %" for name, value in reached.items()}
    around.listen(Event("note", "train.beside_kept", values={**told, "split": split}))
    if not shares.proven:
        around.listen(Event("note", "train.beside_few", values={"rows": shares.rows}))


def _headline(bench: Bench, logits: NDArray[np.float32], split: SplitName) -> float:
    measured: dict[str, Any] = bench.task.measure(logits, bench.targets[split])
    return float(measured[bench.task.metric])
