"""After training: outputs of every held-out row with the kept weights, exactly, the temperature, and the metrics."""

from __future__ import annotations

import time
from typing import Any

from homefield.data.dataset import Dataset, SplitName
from homefield.evaluate.calibration import fit_temperature, probabilities
from homefield.evaluate.metrics import measure
from homefield.events import Event
from homefield.train.assemble import Bench
from homefield.train.beside import stand_beside
from homefield.train.defaults import tokens_to_look_at
from homefield.train.outputs import Outputs, produce_outputs
from homefield.train.precision import Precision
from homefield.train.run import SCORED
from homefield.train.surroundings import Surroundings

__all__ = ["score"]


def score(bench: Bench, dataset: Dataset, around: Surroundings) -> None:
    """Write `outputs/`, let n-grams stand beside the network where they gain, fit the temperature on validation,
    measure each held-out split; all in float32."""
    began = time.perf_counter()
    network, info = bench.network, bench.network.info
    exact = Precision("fp32", bench.precision.device)
    found: dict[SplitName, Outputs] = {}
    held_out = [split for split in SCORED if split in bench.feeds]
    total, before = sum(len(bench.feeds[split]) for split in held_out), 0
    around.listen(Event("stage", "train.stage_score", total=total))
    for split in held_out:
        base = before

        def advanced(done: int, base: int = base) -> None:
            around.listen(Event("advance", "train.stage_score", done=base + done, total=total))

        found[split] = produce_outputs(
            network,
            bench.feeds[split],
            around.folder / "outputs" / f"{split}.safetensors",
            size=network.outputs,
            width=network.backbone.width,
            tokens=tokens_to_look_at(bench.precision.device.type),
            precision=exact,
            ranks=around.ranks,
            advanced=advanced,
        )
        before += len(bench.feeds[split])
    if bench.recipe.beside == "ngrams":
        stand_beside(bench, dataset, found, around)
    temperature = 1.0
    if "validation" in found:
        temperature = fit_temperature(found["validation"].logits, bench.targets["validation"], info.output)
    metrics: dict[str, Any] = {}
    for split, outputs in found.items():
        chances = probabilities(outputs.logits, info.output, temperature)
        targets = bench.targets[split]
        truth = targets[:, 0] if info.output == "number" else targets
        metrics[split] = measure(chances[:, 0] if info.output == "number" else chances, truth, info.output, info.labels)
    around.record.update(temperature=temperature, metrics=metrics)
    around.record.took("score", time.perf_counter() - began)
