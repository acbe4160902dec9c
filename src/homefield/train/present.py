"""What came of a run, for people: beside the majority class and a TF-IDF model on the same rows, as a report."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from homefield.data.dataset import Dataset, SplitName
from homefield.evaluate.assess import assess
from homefield.evaluate.assessment import Assessment
from homefield.evaluate.baselines import Baseline, tfidf_linear
from homefield.evaluate.report import ReportData, write_report
from homefield.evaluate.scored import Scored, TrainingRows
from homefield.events import Event
from homefield.train.assemble import Bench
from homefield.train.batches import cut_by_tokens
from homefield.train.defaults import tokens_to_look_at
from homefield.train.outputs import open_outputs
from homefield.train.precision import Precision
from homefield.train.run import adapted_part
from homefield.train.surroundings import Surroundings

__all__ = ["present"]

_NEIGHBOURS = 20_000
"""Training rows, evenly spaced, among which the nearest to an error are looked for."""
_JUDGED: tuple[SplitName, ...] = ("test", "validation", "calibration")


def present(bench: Bench, dataset: Dataset, around: Surroundings) -> None:
    """Fit the baseline, assess, write report.html and report.json, as the recipe says; first rank only."""
    split = next((split for split in _JUDGED if split in bench.feeds), None)
    if split is None or not (bench.recipe.report or bench.recipe.baseline):
        return
    began = time.perf_counter()
    scored = {name: _scored(name, bench, dataset, around) for name in _JUDGED if name in bench.feeds}
    training = dataset.frame("train").select("text", "label")
    baseline = _baseline(training["text"].to_list(), bench, scored.get("validation"), around)
    neighbours = np.unique(np.linspace(0, len(training) - 1, min(len(training), _NEIGHBOURS)).astype(np.int64))
    found = assess(
        scored[split],
        output=bench.task.output,
        labels=bench.network.info.labels,
        validation=scored.get("validation") if split != "validation" else None,
        calibration=scored.get("calibration") if split != "calibration" else None,
        training=TrainingRows(
            training["text"].gather(neighbours).to_list(),
            bench.targets["train"][neighbours],
            _vectors(bench, neighbours, around) if bench.recipe.report else None,
        ),
        baseline=baseline,
        temperature=float(around.record.values["temperature"]),
        split=split,
        seed=bench.recipe.seed,
    )
    around.record.values["assessment"] = _short(found)
    around.record.took("present", time.perf_counter() - began)
    if bench.recipe.report:
        write_report(around.folder / "report.html", _report(found, bench, dataset, around))
    around.record.update()


def _scored(split: SplitName, bench: Bench, dataset: Dataset, around: Surroundings) -> Scored:
    frame, outputs = dataset.frame(split), open_outputs(around.folder / "outputs" / f"{split}.safetensors")
    names = [str(source.get("file", place)) for place, source in enumerate(dataset.manifest.sources)]
    label = frame["label"]
    written = label.list.join(", ") if label.dtype == pl.List else label.cast(pl.String)
    return Scored(
        outputs.logits,
        bench.targets[split],
        frame["text"].to_list(),
        outputs.vectors,
        frame["language"].to_list(),
        [f"{names[source]}:{row}" for source, row in frame.select("source", "row").iter_rows()],
        written.to_list(),
    )


def _baseline(texts: list[str], bench: Bench, validation: Scored | None, around: Surroundings) -> Baseline | None:
    if not bench.recipe.baseline:
        return None
    around.listen(Event("stage", "train.stage_baseline"))
    return tfidf_linear(
        texts,
        bench.targets["train"],
        bench.task.output,
        bench.network.outputs,
        seed=bench.recipe.seed,
        validation=None if validation is None else (validation.texts, validation.targets),
    )


def _vectors(bench: Bench, rows: NDArray[np.int64], around: Surroundings) -> NDArray[np.float16]:
    """The vectors of training rows; rounded arithmetic will do, they are only compared."""
    arithmetic = "fp32" if bench.precision.arithmetic == "fp32" else "autocast"
    precision = Precision(arithmetic, bench.precision.device)  # type: ignore[arg-type]
    found = np.empty((len(rows), bench.network.backbone.width), dtype=np.float16)
    feed, done = bench.feeds["train"], 0
    places = np.empty(int(rows[-1]) + 1, dtype=np.int64)
    places[rows] = np.arange(len(rows))
    bench.network.eval()
    around.listen(Event("stage", "train.stage_neighbours", total=len(rows)))
    with torch.inference_mode():
        for part in cut_by_tokens(rows, feed.lengths(0), tokens_to_look_at(precision.device.type)):
            _, vectors = feed.produce(bench.network, part, 0, precision)
            found[places[part]] = vectors.half().cpu().numpy()
            done += len(part)
            around.listen(Event("advance", "train.stage_neighbours", done=done, total=len(rows)))
    return found


def _short(found: Assessment) -> dict[str, Any]:
    """What run.json keeps of an assessment: the headline beside its rivals'."""
    rivals = {"baseline": found.baseline, "majority": found.majority}
    return {
        "split": found.split,
        "rows": found.rows,
        "metric": found.metric,
        "model": found.headline,
        "interval": list(found.interval),
        **{name: None if rival is None else rival.numbers[found.metric] for name, rival in rivals.items()},
        "verdict": found.verdict,
    }


def _report(found: Assessment, bench: Bench, dataset: Dataset, around: Surroundings) -> ReportData:
    lines = (around.folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    manifest, record = dataset.manifest, around.record.values
    return ReportData(
        title=around.folder.name,
        assessment=found,
        curves=[json.loads(line) for line in lines],
        dataset={
            "name": manifest.name,
            "rows": {split: len(feed) for split, feed in bench.feeds.items()},
            "languages": dict(manifest.languages),
            "hash": manifest.hash,
            **adapted_part(record),
        },
        recipe=bench.recipe.model_dump(),
        environment=record["environment"],
        seconds=record.get("seconds", {}),
        created=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    )
