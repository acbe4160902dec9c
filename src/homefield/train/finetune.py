"""`finetune`: a recipe in, a run out."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from homefield.errors import CallError
from homefield.events import Event, Listener, silent
from homefield.files import write_file
from homefield.train.adapt import ADAPTED, adapt
from homefield.train.assemble import Bench, assemble
from homefield.train.check import Checked, check_tasks
from homefield.train.distributed import joined_ranks
from homefield.train.environment import describe_environment
from homefield.train.learn import learn
from homefield.train.matched import present_pairs, score_pairs
from homefield.train.mixture import mean_metric, own_numbers
from homefield.train.present import present
from homefield.train.progress import LogFile
from homefield.train.recipe import Recipe, write_recipe
from homefield.train.resume import resumed_recipe
from homefield.train.run import Run, RunRecord, open_run, read_network
from homefield.train.score import score
from homefield.train.session import clear_failed, now, recorded, taken, threads
from homefield.train.stop import listening_for_stop
from homefield.train.surroundings import Surroundings
from homefield.workspace import Workspace

__all__ = ["finetune"]


def finetune(
    recipe: Recipe, out: Path, *, workspace: Workspace, resume: bool = False, listen: Listener = silent
) -> Run:
    """Train what `recipe` says into the folder `out`; with `resume` go on where the run in it stopped.

    Under `torchrun` every process calls this; the first one writes and tells.

    Raises:
        RecipeFaults: the recipe has faults, or differs from that of the run to resume.
        CallError: `train.exists` (there is a run already), `train.no_run` (nothing to resume), `train.diverged`.
        MachineError: `train.memory`, or a full disk.
        Interrupted: Ctrl-C or SIGTERM; a checkpoint was made.
    """
    out = out.expanduser().resolve()
    if resume:
        run = open_run(out)
        recipe = resumed_recipe(run, recipe)
        if run.status == "finished":
            listen(Event("note", "train.already_finished", values={"run": out}))
            return run
    elif taken(out):
        raise CallError("train.exists", run=out)
    several = check_tasks(recipe, workspace)
    with joined_ranks() as ranks, listening_for_stop(out) as stop, ExitStack() as stack:
        ranks.wait()
        if not resume:
            with ranks.first_ahead():
                clear_failed(out)
        stack.enter_context(threads(workspace.settings.threads, ranks.size))
        record = RunRecord(out, writes=ranks.first)
        told = stack.enter_context(LogFile(out / "log.txt")).beside(listen) if ranks.first else silent
        with recorded(record, out, area="train"):
            record.update(status="running", started=record.values.get("started", now()))
            if ranks.first:
                write_recipe(_whole(recipe, several), out / "recipe.toml")
            _train(_whole(recipe, several), several, workspace, Surroundings(out, record, ranks, stop, stack, told))
            record.update(status="finished", ended=now())
            if ranks.first:
                shutil.rmtree(out / ADAPTED, ignore_errors=True)
        ranks.wait()
    return open_run(out)


def _whole(recipe: Recipe, several: Sequence[Checked]) -> Recipe:
    """The run's recipe, with paths that mean the same wherever it is kept."""
    if not recipe.tasks:
        return several[0].recipe
    return recipe.model_copy(update={"tasks": tuple(str(checked.dataset.path) for checked in several)})


def _train(recipe: Recipe, several: Sequence[Checked], workspace: Workspace, around: Surroundings) -> None:
    if recipe.adapt:
        several = [adapt(several[0], workspace, around)]
    began = time.perf_counter()
    with around.ranks.first_ahead():
        benches = assemble(
            several,
            workspace,
            around.stack,
            around.ranks,
            around.listen,
            earlier=around.record.values.get("environment", {}).get("precision"),
        )
    parts = [_part(bench, around) for bench in benches]
    if around.ranks.first:
        write_recipe(_settled(recipe, benches), around.folder / "recipe.toml")
    for bench, checked, part in zip(benches, several, parts, strict=True):
        _record(bench, checked, part)
    if recipe.tasks:
        _record_tasks(several, parts, around)
    _tell_precision(benches[0], around)
    around.record.took("prepare", time.perf_counter() - began)
    if all((part.folder / "weights").is_dir() for part in parts):
        for bench, part in zip(benches, parts, strict=True):
            bench.network.backbone.unlimit_vocabulary()
            bench.network.load_state_dict(read_network(part.folder / "weights").state_dict())
    else:
        learn(benches, [checked.metric for checked in several], mean_metric(several), around)
    for bench, checked, part in zip(benches, several, parts, strict=True):
        if recipe.tasks and around.ranks.first:
            lines = own_numbers((around.folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines(), bench.name)
            write_file(part.folder / "metrics.jsonl", "".join(f"{line}\n" for line in lines))
        _judge(bench, checked, part)
        if recipe.tasks:
            _finish_task(bench, part, around)


def _judge(bench: Bench, checked: Checked, around: Surroundings) -> None:
    """Score the held-out rows, and say how good that is."""
    if bench.pairs:
        score_pairs(bench, around)
        if around.ranks.first:
            present_pairs(bench, checked.dataset, around)
        return
    score(bench, checked.dataset, around)
    if around.ranks.first:
        present(bench, checked.dataset, around)


def _part(bench: Bench, around: Surroundings) -> Surroundings:
    """Where the numbers of one task go: into the run itself, or into a run of its own within it."""
    if not bench.name:
        return around
    folder = bench.folder(around.folder)
    record = RunRecord(folder, writes=around.ranks.first)
    record.update(status="running", started=around.record.values["started"])
    if around.ranks.first:
        write_recipe(bench.recipe, folder / "recipe.toml")
    return replace(around, folder=folder, record=record)


def _settled(recipe: Recipe, benches: Sequence[Bench]) -> Recipe:
    """The run's recipe without what is no longer `auto`; what differs from task to task stays so."""
    if not recipe.tasks:
        return benches[0].recipe
    chosen = {}
    for key, value in benches[0].recipe.model_dump().items():
        alike = all(getattr(bench.recipe, key) == value for bench in benches)
        if getattr(recipe, key) == "auto" and key not in ("task", "metric") and alike:
            chosen[key] = value
    return recipe.model_copy(update=chosen)


def _record_tasks(several: Sequence[Checked], parts: Sequence[Surroundings], around: Surroundings) -> None:
    """In run.json of a run that learns several tasks, what they have in common and which they are."""
    first = parts[0].record.values
    shared = {key: first[key] for key in ("environment", "backbone", "how", "frozen_to")}
    tasks = {
        checked.name: {key: part.record.values[key] for key in ("task", "dataset", "rows")}
        for checked, part in zip(several, parts, strict=True)
    }
    around.record.update(**shared, tasks=tasks)


def _finish_task(bench: Bench, part: Surroundings, around: Surroundings) -> None:
    values = around.record.values
    told = {key: values[key] for key in ("best", "steps", "stopped_early") if key in values}
    part.record.update(**told, status="finished", ended=now())
    reached = {split: numbers[bench.task.metric] for split, numbers in part.record.values["metrics"].items()}
    values["tasks"][bench.name][bench.task.metric] = reached
    around.record.update()


def _record(bench: Bench, checked: Checked, around: Surroundings) -> None:
    info = bench.network.info
    around.record.update(
        **describe_environment(bench.found, bench.precision, around.ranks.size),
        dataset={"path": str(checked.dataset.path), "hash": checked.dataset.manifest.hash},
        backbone=bench.network.backbone.facts.name,
        task=info.task,
        output=info.output,
        labels=list(info.labels),
        how=info.how,
        frozen_to=info.frozen_to,
        rows={split: len(bench.pairs.get(split, feed)) for split, feed in bench.feeds.items()},
    )


def _tell_precision(bench: Bench, around: Surroundings) -> None:
    speeds = {"fp32": f"{bench.found.fp32:.0f}", "bf16": f"{bench.found.bf16:.0f}"}
    values = {"precision": bench.precision.arithmetic, "device": bench.found.name, **speeds}
    around.listen(Event("note", "train.precision_chosen", values=values))
