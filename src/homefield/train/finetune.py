"""`finetune`: a recipe in, a run out."""

from __future__ import annotations

import shutil
import time
from contextlib import ExitStack
from pathlib import Path

from homefield.errors import CallError
from homefield.events import Event, Listener, silent
from homefield.train.adapt import ADAPTED, adapt
from homefield.train.assemble import Bench, assemble
from homefield.train.check import Checked, check_recipe
from homefield.train.distributed import joined_ranks
from homefield.train.environment import describe_environment
from homefield.train.learn import learn
from homefield.train.matched import present_pairs, score_pairs
from homefield.train.present import present
from homefield.train.progress import LogFile
from homefield.train.recipe import Recipe, write_recipe
from homefield.train.resume import resumed_recipe
from homefield.train.run import Run, RunRecord, open_run
from homefield.train.score import score
from homefield.train.session import now, recorded, threads
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
    elif out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise CallError("train.exists", run=out)
    checked = check_recipe(recipe, workspace)
    with joined_ranks() as ranks, listening_for_stop(out) as stop, ExitStack() as stack:
        ranks.wait()
        stack.enter_context(threads(workspace.settings.threads, ranks.size))
        record = RunRecord(out, writes=ranks.first)
        told = stack.enter_context(LogFile(out / "log.txt")).beside(listen) if ranks.first else silent
        with recorded(record, out, area="train"):
            record.update(status="running", started=record.values.get("started", now()))
            if ranks.first:
                write_recipe(checked.recipe, out / "recipe.toml")
            _train(checked, workspace, Surroundings(out, record, ranks, stop, stack, told))
            record.update(status="finished", ended=now())
            if ranks.first:
                shutil.rmtree(out / ADAPTED, ignore_errors=True)
        ranks.wait()
    return open_run(out)


def _train(checked: Checked, workspace: Workspace, around: Surroundings) -> None:
    if checked.recipe.adapt:
        checked = adapt(checked, workspace, around)
    began = time.perf_counter()
    with around.ranks.first_ahead():
        bench = assemble(
            checked,
            workspace,
            around.stack,
            around.ranks,
            around.listen,
            earlier=around.record.values.get("environment", {}).get("precision"),
        )
    if around.ranks.first:
        write_recipe(bench.recipe, around.folder / "recipe.toml")
    _record(bench, checked, around)
    around.record.took("prepare", time.perf_counter() - began)
    weights = around.folder / "weights"
    if weights.is_dir():
        bench.network.backbone.unlimit_vocabulary()
        bench.network.load_state_dict(open_run(around.folder).network().state_dict())
    else:
        learn(bench, checked.metric, around)
    if bench.pairs:
        score_pairs(bench, around)
        if around.ranks.first:
            present_pairs(bench, checked.dataset, around)
        return
    score(bench, around)
    if around.ranks.first:
        present(bench, checked.dataset, around)


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
    speeds = {"fp32": f"{bench.found.fp32:.0f}", "bf16": f"{bench.found.bf16:.0f}"}
    values = {"precision": bench.precision.arithmetic, "device": bench.found.name, **speeds}
    around.listen(Event("note", "train.precision_chosen", values=values))
