"""`pretrain`: a recipe and a corpus in, a backbone out."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import torch

from homefield.backbones.own import write_own
from homefield.errors import CallError
from homefield.events import Event, Listener, silent
from homefield.train.checkpoint import Checkpoints, Place
from homefield.train.distributed import joined_ranks
from homefield.train.environment import describe_environment
from homefield.train.keys import write_keys
from homefield.train.loop import Loop
from homefield.train.optimiser import Optimiser
from homefield.train.pretrain.bench import PretrainBench, lay_out
from homefield.train.pretrain.card import card_of
from homefield.train.pretrain.check import check_inputs, check_pretrain
from homefield.train.pretrain.course import Budget, Stretch, Turns
from homefield.train.pretrain.judge import judge_of, measure_stream
from homefield.train.pretrain.network import MaskedModel
from homefield.train.pretrain.probes import LinearProbe, ProbeRows
from homefield.train.pretrain.recipe import PretrainRecipe
from homefield.train.pretrain.run import PretrainRun, open_pretrain_run, resumed
from homefield.train.pretrain.steps import objective_of, trained_parts
from homefield.train.progress import LogFile, MetricsFile, Teller
from homefield.train.run import RunRecord
from homefield.train.session import clear_failed, now, recorded, taken, threads
from homefield.train.stop import listening_for_stop
from homefield.train.surroundings import Surroundings
from homefield.train.trackers import open_tracker
from homefield.workspace import Workspace

__all__ = ["pretrain", "pretrain_within"]

# Writing the backbone and what else comes after the last evaluation.
_WRITING_SECONDS = 3.0
_MUCH_UNKNOWN = 0.05


def pretrain(
    recipe: PretrainRecipe, out: Path, *, workspace: Workspace, resume: bool = False, listen: Listener = silent
) -> PretrainRun:
    """Learn a backbone from a corpus within the budget of `recipe`; with `resume` go on where the run in `out` stopped.

    Under `torchrun` every process calls this; the first one writes and tells.

    Raises:
        RecipeFaults: the recipe has faults, or differs from that of the run to resume.
        CallError: `pretrain.exists`, `pretrain.no_run`, `pretrain.diverged`, or as `lay_out`.
        RecordsError, MachineError: a damaged file, a full disk.
        Interrupted: Ctrl-C or SIGTERM; a checkpoint was made.
    """
    began = time.perf_counter()
    out = out.expanduser().resolve()
    if resume:
        run = open_pretrain_run(out)
        recipe = resumed(run, recipe)
        if run.status == "finished":
            listen(Event("note", "train.already_finished", values={"run": out}))
            return run
    elif taken(out):
        raise CallError("pretrain.exists", run=out)
    else:
        recipe = recipe.placed()
    check_pretrain(recipe)
    probes = check_inputs(recipe, workspace)
    with joined_ranks() as ranks, listening_for_stop(out) as stop, ExitStack() as stack:
        ranks.wait()
        if not resume:
            with ranks.first_ahead():
                clear_failed(out)
        stack.enter_context(threads(workspace.settings.threads, ranks.size))
        record = RunRecord(out, writes=ranks.first)
        told = stack.enter_context(LogFile(out / "log.txt")).beside(listen) if ranks.first else silent
        with recorded(record, out, area="pretrain"):
            record.update(status="running", started=record.values.get("started", now()))
            if ranks.first:
                write_keys(recipe, out / "recipe.toml")
            around = Surroundings(out, record, ranks, stop, stack, told)
            pretrain_within(recipe, workspace, around, began=began, probes=probes)
            record.update(status="finished", ended=now())
        ranks.wait()
    return open_pretrain_run(out)


def pretrain_within(
    recipe: PretrainRecipe,
    workspace: Workspace,
    around: Surroundings,
    *,
    began: float,
    area: str = "pretrain",
    probes: Sequence[ProbeRows] = (),
) -> None:
    """Learn a backbone into `backbone/` of the folder of `around`, from the newest checkpoint there if there is one.

    began: on `time.perf_counter`, what a budget of minutes counts from. area: whose sentences tell of it.
    probes: what it is measured on besides the corpus.

    Raises:
        CallError, RecordsError, MachineError, Interrupted: as `pretrain`, the codes of the loop in `area`.
    """
    with around.ranks.first_ahead():
        earlier = around.record.values.get("environment", {}).get("precision")
        bench = lay_out(recipe, around.folder, workspace, around.ranks, around.listen, earlier=earlier)
    _learn(bench, around, began, area, probes)


def _learn(bench: PretrainBench, around: Surroundings, began: float, area: str, probes: Sequence[ProbeRows]) -> None:
    recipe, record = bench.recipe, around.record
    if around.ranks.first:
        write_keys(recipe, around.folder / "recipe.toml")
    _record(bench, around)
    masters = bench.precision.masters(bench.model.backbone)
    optimiser = Optimiser(trained_parts(bench), masters, recipe)
    checkpoints = Checkpoints(around.folder / "checkpoints")
    place = Place()
    if (found := checkpoints.latest()) is not None:
        place = found[0]
        optimiser.load_state(found[1])
        around.listen(Event("note", "train.resumed", values={"step": place.step}))
    judge = _judge(bench, [LinearProbe.of(rows, bench.model.backbone) for rows in probes])
    teller = _teller(bench, place, around, area)
    if place.step == 0:
        before = time.perf_counter()
        first = judge()
        teller.numbers("evaluation", 0, first)
        reserve = 1.2 * (time.perf_counter() - before) + _WRITING_SECONDS
        record.took("prepare", before - began)
        record.update(first=first, budget={"spent": time.perf_counter() - began, "reserve": reserve})
    known = record.values["budget"]
    budget = Budget(recipe.tokens, recipe.minutes * 60, known["spent"], known["reserve"])
    turns = None
    if bench.teaching is not None:
        turns = Turns(recipe.pair_share, bench.teaching.lengths, cast("int", recipe.step_tokens), recipe.seed)
    course = Stretch(recipe, len(bench.packed.learn), budget, turns)
    loop = Loop(
        habits=recipe,
        course=course,
        tokens=cast("int", recipe.part_tokens),
        device=bench.precision.device,
        objective=objective_of(bench, course.cut_of),
        judge=judge,
        metric=None,
        optimiser=optimiser,
        ranks=around.ranks,
        checkpoints=checkpoints,
        teller=teller,
        stop=around.stop,
        place=place,
        more=_more(bench, course, place),
    )
    started, earlier = time.perf_counter(), place.seconds
    with around.stop.patiently():
        place = loop.run()
    record.took("train", time.perf_counter() - started + earlier)
    around.ranks.wait()
    optimiser.settle()
    masters.restore()
    _finish(bench, place, judge, around, checkpoints)


def _finish(
    bench: PretrainBench,
    place: Place,
    judge: Callable[[], dict[str, Any]],
    around: Surroundings,
    checkpoints: Checkpoints,
) -> None:
    """Write the backbone, and say how good it became."""
    reached = judge()
    tokens = place.step * cast("int", bench.recipe.step_tokens)
    around.record.update(steps=place.step, tokens=tokens, reached=reached)
    _warn(bench, around)
    if around.ranks.first:
        shutil.rmtree(around.folder / "backbone", ignore_errors=True)
        model = bench.model
        origin = {"steps": place.step, "tokens": tokens, "corpus": bench.packed.hash, **reached}
        write_own(
            model.backbone,
            around.folder / "backbone",
            weights=bench.recipe.weights,
            card=card_of(bench.recipe, around.record.values),
            origin=origin,
            output=_output_of(model) if isinstance(model, MaskedModel) else {},
        )
        checkpoints.clear()
        shutil.rmtree(around.folder / "start", ignore_errors=True)


def _warn(bench: PretrainBench, around: Surroundings) -> None:
    """Say where what came out is not what was asked for: hardly any steps, or a backbone worse than at the start."""
    recipe, values = bench.recipe, around.record.values
    spent = values["budget"]["spent"] + values["budget"]["reserve"]
    if recipe.minutes and spent >= 60 * recipe.minutes - 1:
        told = {"minutes": f"{recipe.minutes:g}", "spent": f"{spent / 60:.1f}", "steps": values["steps"]}
        around.listen(Event("note", "pretrain.budget_used_up", values=told))
    before, after = (values.get(name, {}).get("perplexity") for name in ("first", "reached"))
    if before is not None and after is not None and after > before:
        told = {"before": f"{before:.4g}", "after": f"{after:.4g}", "rate": f"{recipe.learning_rate:g}"}
        around.listen(Event("note", "pretrain.grew_worse", values=told))


def _output_of(model: MaskedModel) -> dict[str, torch.Tensor]:
    return {name: tensor for name, tensor in model.state_dict().items() if not name.startswith("backbone.")}


def _judge(bench: PretrainBench, probes: Sequence[LinearProbe]) -> Callable[[], dict[str, Any]]:
    def measure() -> dict[str, float]:
        taught = bench.teaching.measure(bench.model.backbone, bench.precision) if bench.teaching else {}
        found = taught | stream(bench.recipe.length)
        # Long sequences come last, so that only their own measure shows whether what stands far back is read.
        if bench.recipe.long_length > bench.recipe.length and (far := stream(bench.recipe.long_length)):
            found["perplexity_long"] = far["perplexity"]
        return found

    def stream(length: int) -> dict[str, float]:
        return measure_stream(
            bench.model,
            bench.packed.measure,
            bench.masking,
            length=length,
            first=bench.first,
            part=cast("int", bench.recipe.part_tokens),
            precision=bench.precision,
        )

    return judge_of(measure, probes, bench.model, bench.precision)


def _more(bench: PretrainBench, course: Stretch, place: Place) -> Callable[[Mapping[str, float]], Mapping[str, float]]:
    """Beside each line's numbers: the work done a second, and its share of what the machine's products could do."""

    def more(numbers: Mapping[str, float]) -> Mapping[str, float]:
        work = bench.model.work_per_token(course.length, bench.recipe.mask)
        gflops = numbers["tokens_per_second"] * work / 1e9
        return {"gflops": round(gflops, 1), "machine": round(gflops / bench.speed, 4), "share": round(place.share, 5)}

    return more


def _teller(bench: PretrainBench, place: Place, around: Surroundings, area: str) -> Teller:
    if not around.ranks.first:
        return Teller(None, (), around.listen, area=area)
    file = MetricsFile(around.folder / "metrics.jsonl", place.metrics_bytes)
    around.stack.callback(file.close)
    settings = bench.recipe.model_dump()
    trackers = [open_tracker(name, around.folder, settings, after=place.step) for name in bench.recipe.trackers]
    for tracker in trackers:
        around.stack.callback(tracker.close)
    return Teller(file, trackers, around.listen, area=area)


def _record(bench: PretrainBench, around: Surroundings) -> None:
    packed, found = bench.packed, bench.found
    parameters = sum(parameter.numel() for parameter in bench.model.backbone.parameters())
    around.record.update(
        **describe_environment(found, bench.precision, around.ranks.size),
        task=bench.recipe.objective,
        corpus={
            "hash": packed.hash,
            "passages": packed.passages,
            "characters": packed.characters,
            "tokens": len(packed.learn),
            "held_out": len(packed.measure),
            "unknown": packed.unknown,
        },
        parameters=parameters,
        max_length=bench.model.backbone.max_length,
    )
    values: dict[str, object] = {
        "tokens": f"{len(packed.learn):,}",
        "held_out": f"{len(packed.measure):,}",
        "unknown": f"{packed.unknown:.2%}",
        "parameters": f"{parameters / 1e6:.1f}",
        "vocabulary": f"{bench.model.backbone.shape.vocabulary:,}",
    }
    around.listen(Event("note", "pretrain.laid_out", values=values))
    if packed.unknown > _MUCH_UNKNOWN:
        around.listen(Event("note", "pretrain.much_unknown", values={"unknown": f"{packed.unknown:.0%}"}))
    speeds = {"fp32": f"{found.fp32:.0f}", "bf16": f"{found.bf16:.0f}"}
    chosen = {"precision": bench.precision.arithmetic, "device": found.name, **speeds}
    around.listen(Event("note", "train.precision_chosen", values=chosen))
