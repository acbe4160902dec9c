"""Training proper: the assembled parts go through the loop, and the best weights are kept in the run's folder."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from homefield.backbones.layers import gradual_start, thaw
from homefield.events import Event
from homefield.train.assemble import Bench, trained_parts
from homefield.train.batches import Rows, plan_epoch
from homefield.train.checkpoint import Checkpoints, Place
from homefield.train.course import Epochs
from homefield.train.defaults import tokens_to_look_at
from homefield.train.distil import soft_objective
from homefield.train.estimate import Workload, estimate
from homefield.train.loop import Judge, Loop, Metric, Objective
from homefield.train.matched import judge_pairs
from homefield.train.mining import MINED, Miner
from homefield.train.mixture import mixed_judge, mixed_lengths, mixed_objective
from homefield.train.optimiser import Optimiser
from homefield.train.outputs import produce_outputs
from homefield.train.pairs import Coupled
from homefield.train.probe import available_memory_gb
from homefield.train.progress import MetricsFile, Teller
from homefield.train.run import SCORED, write_network
from homefield.train.start import fit_head
from homefield.train.surroundings import Surroundings
from homefield.train.trackers import open_tracker

__all__ = ["learn"]

_IN_MEMORY = 64 * 2**20


def learn(benches: Sequence[Bench], metrics: Sequence[Metric], metric: Metric, around: Surroundings) -> None:
    """Train from the newest checkpoint, or from the start, to the end; write each task's `weights/` and leave them in
    the networks. metrics: of each task. metric: which weights are kept.

    Raises:
        Interrupted, CallError, MachineError: as `finetune`.
    """
    checkpoints = Checkpoints(around.folder / "checkpoints")
    place, found, bench = Place(), checkpoints.latest(), benches[0]
    if found is None:
        for each in benches:
            _start(each, around)
    masters = bench.precision.masters(bench.network.backbone)
    optimiser = Optimiser(trained_parts(benches), masters, bench.recipe)
    if found is not None:
        place = found[0]
        optimiser.load_state(found[1])
        around.listen(Event("note", "train.resumed", values={"step": place.step}))
    lesson = _lesson(bench, place, around) if len(benches) == 1 else _mixed_lesson(benches, metrics, around)
    if bench.recipe.estimate and place.step == 0:
        _tell_estimate(benches, lesson, optimiser, around)
    loop = Loop(
        habits=bench.recipe,
        course=Epochs(bench.recipe, cast("int", bench.recipe.epochs), lesson.lengths, lesson.begin),
        tokens=cast("int", bench.recipe.tokens),
        device=bench.precision.device,
        objective=lesson.objective,
        judge=lesson.judge,
        metric=metric,
        optimiser=optimiser,
        ranks=around.ranks,
        checkpoints=checkpoints,
        teller=_teller(bench, place, around),
        stop=around.stop,
        place=place,
        best=checkpoints.best(place),
        patience=bench.recipe.patience,
        together=lesson.together,
    )
    began, earlier = time.perf_counter(), place.seconds
    with around.stop.patiently():
        place = loop.run()
    around.record.took("train", time.perf_counter() - began + earlier)
    around.ranks.wait()
    optimiser.settle(loop.best)
    masters.restore()
    bench.network.backbone.unlimit_vocabulary()
    best = {"step": place.best_step, "epoch": place.best_epoch, "metric": metric.name, "value": place.best_value}
    around.record.update(best=best if place.best_step else None, steps=place.step, stopped_early=place.stopped_early)
    if place.best_step is None:
        around.listen(Event("note", "train.no_validation"))
    if around.ranks.first:
        for each in benches:
            # Of several, some may have been written before a process was killed.
            shutil.rmtree(each.folder(around.folder) / "weights", ignore_errors=True)
            write_network(each.network, each.folder(around.folder) / "weights", extra={"best": best})
        checkpoints.clear()
        shutil.rmtree(around.folder / MINED, ignore_errors=True)
    around.ranks.wait()


def _start(bench: Bench, around: Surroundings) -> None:
    """Fit the new head of a task that starts so."""
    recipe = bench.recipe
    if recipe.head_start != "fitted" or bench.pairs or recipe.start or (recipe.teacher and recipe.unlabelled):
        return
    began = time.perf_counter()
    around.listen(Event("stage", "train.stage_head"))
    targets = torch.from_numpy(bench.targets["train"]).to(bench.precision.device)
    fit_head(bench.network, bench.task, bench.feeds["train"], targets, bench.recipe, bench.precision, around.ranks)
    around.record.took("head", time.perf_counter() - began)


@dataclass(frozen=True)
class Lesson:
    """How a bench is learned from: what the loop needs to know of its rows. look: the network on rows, to be timed."""

    lengths: Callable[[int], NDArray[np.int32]]
    objective: Objective
    judge: Judge | None
    begin: Callable[[int], None]
    look: Callable[[Rows], object]
    together: Callable[[Rows, int], Tensor] | None = None


def _lesson(bench: Bench, place: Place, around: Surroundings) -> Lesson:
    if bench.task.output == "vector":
        return _pair_lesson(bench, place, around)
    feed = bench.feeds["train"]

    def look(rows: Rows) -> object:
        with torch.inference_mode():
            return feed.produce(bench.network, rows, 0, bench.precision)

    judge = _judge(bench, around) if "validation" in bench.feeds else None
    return Lesson(feed.lengths, _objective(bench), judge, _begin(bench), look)


def _mixed_lesson(benches: Sequence[Bench], metrics: Sequence[Metric], around: Surroundings) -> Lesson:
    objective = mixed_objective(benches)
    judges = [_judge(bench, around) if "validation" in bench.feeds else None for bench in benches]
    thaw_for = [_begin(bench) for bench in benches]

    def begin(epoch: int) -> None:
        for each in thaw_for:
            each(epoch)

    def look(rows: Rows) -> object:
        with torch.inference_mode():
            return objective(rows, 0)

    return Lesson(mixed_lengths(benches), objective, mixed_judge(benches, judges, metrics), begin, look)


def _pair_lesson(bench: Bench, place: Place, around: Surroundings) -> Lesson:
    miner = Miner(bench, around.ranks, around.folder / MINED, around.listen)
    coupled = Coupled(bench, around.ranks, miner.before(0, place))
    thaw_for = _begin(bench)

    def begin(epoch: int) -> None:
        coupled.negatives = miner.before(epoch, place)
        thaw_for(epoch)

    judge = judge_pairs(bench, around.ranks) if "validation" in bench.feeds else None
    return Lesson(coupled.lengths, coupled.objective, judge, begin, coupled.look, coupled.together)


def _objective(bench: Bench) -> Callable[[Rows, int], tuple[Tensor, Tensor]]:
    feed, network, task, precision = bench.feeds["train"], bench.network, bench.task, bench.precision
    if bench.soft is not None:
        return soft_objective(
            network,
            lambda rows, epoch: feed.produce(network, rows, epoch, precision)[0],
            task.loss,
            bench.targets["train"],
            bench.soft,
            bench.recipe,
            device=precision.device,
            spread=float(bench.targets["train"].std()) or 1.0,
        )
    targets = torch.from_numpy(bench.targets["train"]).to(precision.device)

    def objective(rows: Rows, epoch: int) -> tuple[Tensor, Tensor]:
        logits, _ = feed.produce(network, rows, epoch, precision)
        return task.loss(logits, targets[torch.from_numpy(rows).to(precision.device)])

    return objective


def _judge(bench: Bench, around: Surroundings) -> Judge:
    feed, targets = bench.feeds["validation"], bench.targets["validation"]
    size = bench.network.outputs
    # What fits is held in memory; larger sets of rows are written to a file that is gone afterwards.
    small = len(feed) * size * 4 < _IN_MEMORY
    path = None if small else around.folder / "outputs" / ".judged.safetensors"

    def judge() -> dict[str, Any]:
        found = produce_outputs(
            bench.network,
            feed,
            path,
            size=size,
            width=0,
            tokens=tokens_to_look_at(bench.precision.device.type),
            precision=bench.precision,
            ranks=around.ranks,
        )
        if path is not None:
            path.unlink(missing_ok=True)
        return bench.task.measure(found.logits, targets)

    return judge


def _begin(bench: Bench) -> Callable[[int], None]:
    backbone, epochs = bench.network.backbone, cast("int", bench.recipe.epochs)

    def begin(epoch: int) -> None:
        bench.network.train()
        if bench.network.info.how != "gradual":
            return
        thaw(backbone, gradual_start(backbone.layers, epoch / epochs))
        table = backbone.word_table()
        if table is not None and table.limited:
            # The rows in use are trained in its stead.
            table.weight.requires_grad_(False)

    return begin


def _teller(bench: Bench, place: Place, around: Surroundings) -> Teller:
    if not around.ranks.first:
        return Teller(None, (), around.listen)
    file = MetricsFile(around.folder / "metrics.jsonl", place.metrics_bytes)
    around.stack.callback(file.close)
    settings = bench.recipe.model_dump()
    trackers = [open_tracker(name, around.folder, settings, after=place.step) for name in bench.recipe.trackers]
    for tracker in trackers:
        around.stack.callback(tracker.close)
    return Teller(file, trackers, around.listen)


def _tell_estimate(benches: Sequence[Bench], lesson: Lesson, optimiser: Optimiser, around: Surroundings) -> None:
    recipe = benches[0].recipe
    epochs = cast("int", recipe.epochs)
    lengths = lesson.lengths(0)
    scored = [(split, feed) for bench in benches for split, feed in bench.feeds.items() if split in SCORED]
    once = sum(int(feed.lengths(0).sum()) for _, feed in scored)
    each = sum(int(feed.lengths(0).sum()) for split, feed in scored if split == "validation")
    work = Workload(
        plan_epoch(lengths, batch=recipe.batch, window=recipe.window, seed=recipe.seed, epoch=0),
        epochs,
        lengths,
        cast("int", recipe.tokens),
        once + epochs * each,
        around.ranks.size,
    )
    for bench in benches:
        bench.network.train()
    at_hand = available_memory_gb(benches[0].precision.device.type)
    found = estimate(work, lambda rows: lesson.objective(rows, 0)[0], lesson.look, optimiser, at_hand=at_hand)
    around.record.values["estimate"] = found.as_json()
    told = {"seconds": round(found.seconds), "memory": f"{found.memory_gb:.1f}", "available": found.available_gb}
    around.listen(Event("note", "train.estimate", values=told))
