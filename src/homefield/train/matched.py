"""How well a run's vectors find and tell apart: on validation while it learns, on every held-out split when it has."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homefield.data.dataset import Dataset, SplitName
from homefield.evaluate.matching import (
    MatchAssessment,
    SameCurve,
    assess_match,
    best_threshold,
    calibration_pairs,
    fit_same,
    match_numbers,
    match_ranks,
)
from homefield.evaluate.pairs import distinct
from homefield.evaluate.report.match import MatchReport, write_match_report
from homefield.events import Event
from homefield.train.assemble import Bench
from homefield.train.defaults import tokens_to_look_at
from homefield.train.distributed import Ranks
from homefield.train.loop import Judge
from homefield.train.outputs import open_outputs, produce_outputs
from homefield.train.precision import Precision
from homefield.train.run import SCORED, adapted_part
from homefield.train.surroundings import Surroundings

__all__ = ["judge_pairs", "present_pairs", "score_pairs"]

Vectors = NDArray[np.float32]
_JUDGED: tuple[SplitName, ...] = ("test", "validation", "calibration")


def judge_pairs(bench: Bench, ranks: Ranks) -> Judge:
    """The metrics of the weights as they are on the validation pairs, each `other` of theirs a candidate."""
    feed, pairs = bench.feeds["validation"], bench.pairs["validation"]

    def judge() -> dict[str, Any]:
        found = produce_outputs(
            bench.network,
            feed,
            None,
            size=bench.network.outputs,
            width=0,
            tokens=tokens_to_look_at(bench.precision.device.type),
            precision=bench.precision,
            ranks=ranks,
        )
        numbers = match_numbers(found.logits, pairs)
        return {name: numbers[name] or 0.0 for name in bench.task.metrics if numbers.get(name) is not None}

    return judge


def score_pairs(bench: Bench, around: Surroundings) -> None:
    """Write the vectors of every split's strings to `outputs/`, exactly; fit what makes a cosine a probability on
    validation, and measure each held-out split."""
    began = time.perf_counter()
    wanted: list[SplitName] = [split for split in SCORED if split in bench.pairs]
    if bench.recipe.candidates == "all" and wanted:
        wanted.append("train")
    _produce(bench, wanted, around)
    if not around.ranks.first:
        return
    vectors = {split: _vectors(split, around) for split in wanted}
    fitted: dict[str, Any] = {}
    if "validation" in vectors:
        fitted = _fitted(bench, vectors)
    metrics = {
        split: dict(_assess(split, bench, vectors, fitted, rivals=False).model.numbers)
        for split in wanted
        if split != "train"
    }
    around.record.update(temperature=1.0, same=fitted or None, metrics=metrics)
    around.record.took("score", time.perf_counter() - began)


def present_pairs(bench: Bench, dataset: Dataset, around: Surroundings) -> None:
    """Put the run beside TF-IDF and BM25 on the same rows, and write report.html and report.json; first rank only."""
    split = next((split for split in _JUDGED if split in bench.pairs), None)
    train = around.folder / "outputs" / "train.safetensors"
    if split is not None and (bench.recipe.report or bench.recipe.baseline):
        began = time.perf_counter()
        if bench.recipe.baseline:
            around.listen(Event("stage", "train.stage_counted"))
        every: tuple[SplitName, ...] = (*SCORED, "train")
        kept = [name for name in every if (train.parent / f"{name}.safetensors").is_file()]
        vectors = {name: _vectors(name, around) for name in kept}
        fitted = around.record.values.get("same") or {}
        found = _assess(split, bench, vectors, fitted, rivals=bench.recipe.baseline)
        around.record.values["assessment"] = _short(found)
        around.record.took("present", time.perf_counter() - began)
        if bench.recipe.report:
            write_match_report(around.folder / "report.html", _report(found, bench, dataset, around))
        around.record.update()
    train.unlink(missing_ok=True)


def _produce(bench: Bench, wanted: list[SplitName], around: Surroundings) -> None:
    exact = Precision("fp32", bench.precision.device)
    total, before = sum(len(bench.feeds[split]) for split in wanted), 0
    around.listen(Event("stage", "train.stage_score", total=total))
    for split in wanted:

        def advanced(done: int, base: int = before) -> None:
            around.listen(Event("advance", "train.stage_score", done=base + done, total=total))

        produce_outputs(
            bench.network,
            bench.feeds[split],
            around.folder / "outputs" / f"{split}.safetensors",
            size=bench.network.outputs,
            width=0,
            tokens=tokens_to_look_at(bench.precision.device.type),
            precision=exact,
            ranks=around.ranks,
            advanced=advanced,
        )
        before += len(bench.feeds[split])


def _vectors(split: SplitName, around: Surroundings) -> Vectors:
    return open_outputs(around.folder / "outputs" / f"{split}.safetensors").logits


def _further(split: SplitName, bench: Bench, vectors: dict[SplitName, Vectors]) -> tuple[list[str], Vectors | None]:
    """The candidates of the other splits, where the recipe wants all, and their vectors."""
    rest = [name for name in vectors if name != split and name in bench.pairs]
    if bench.recipe.candidates != "all" or not rest:
        return [], None
    strings = [text for name in rest for text in bench.pairs[name].others]
    stacked = np.concatenate([vectors[name][bench.pairs[name].others_places] for name in rest])
    first = {text: place for place, text in reversed(list(enumerate(strings)))}
    once = distinct(strings)
    return once, stacked[[first[text] for text in once]]


def _fitted(bench: Bench, vectors: dict[SplitName, Vectors]) -> dict[str, Any]:
    """What makes a cosine a probability, and from which cosine on two texts are called the same."""
    pairs, own = bench.pairs["validation"], vectors["validation"]
    further, beyond = _further("validation", bench, vectors)
    ranked = match_ranks(pairs, own, further, beyond)
    scores, same = calibration_pairs(pairs, own, ranked)
    curve = fit_same(scores, same)
    if curve is None:
        return {}
    return {**curve.as_json(), "threshold": best_threshold(scores, same), "pairs": len(scores)}


def _assess(
    split: SplitName, bench: Bench, vectors: dict[SplitName, Vectors], fitted: dict[str, Any], *, rivals: bool
) -> MatchAssessment:
    further, beyond = _further(split, bench, vectors)
    return assess_match(
        bench.pairs[split],
        vectors[split],
        further=further,
        further_vectors=beyond,
        training=bench.pairs["train"].strings if rivals else None,
        curve=SameCurve(fitted["slope"], fitted["offset"]) if fitted else None,
        threshold=fitted.get("threshold"),
        split=split,
        seed=bench.recipe.seed,
    )


def _short(found: MatchAssessment) -> dict[str, Any]:
    """What run.json keeps of an assessment: the headline beside its rival's."""
    rival = None if found.rival is None else found.rivals[found.rival].numbers[found.metric]
    return {
        "split": found.split,
        "rows": found.rows,
        "metric": found.metric,
        "model": found.headline,
        "interval": list(found.interval),
        "baseline": rival,
        "rival": found.rival,
        "rivals": {name: dict(each.numbers) for name, each in found.rivals.items()},
        "majority": None,
        "verdict": found.verdict,
    }


def _report(found: MatchAssessment, bench: Bench, dataset: Dataset, around: Surroundings) -> MatchReport:
    lines = (around.folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    manifest, record = dataset.manifest, around.record.values
    return MatchReport(
        title=around.folder.name,
        assessment=found,
        curves=[json.loads(line) for line in lines],
        dataset={
            "name": manifest.name,
            "rows": {split: len(pairs) for split, pairs in bench.pairs.items()},
            "languages": dict(manifest.languages),
            "hash": manifest.hash,
            **adapted_part(record),
        },
        recipe=bench.recipe.model_dump(),
        environment=record["environment"],
        seconds=record.get("seconds", {}),
        created=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    )
