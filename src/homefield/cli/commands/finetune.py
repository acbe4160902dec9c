"""`homefield finetune`: a dataset and a recipe become a run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homefield.cli.amounts import percent, seconds
from homefield.cli.command import argument, command, option
from homefield.cli.face import Face
from homefield.cli.outcome import Outcome, Table
from homefield.cli.values import KeyValue, Name, Place, Whole, pairs

if TYPE_CHECKING:
    from homefield.train import Run

__all__ = ["SHOWN", "describe", "finetune", "given_keys", "recipe_keys", "written"]

SHOWN = {
    "category": ("accuracy", "f1_macro", "ece"),
    "categories": ("f1_micro", "f1_macro", "exact"),
    "number": ("r2", "rmse", "mae"),
    "vector": ("mrr", "recall_1", "recall_10", "auc"),
}
"""Metrics worth a column, by kind of output; the first decides."""
_PLACES = ("mrr", "auc", "log_loss", "brier", "auroc_macro")
_SIZES = ("r2", "rmse", "mae")


def recipe_keys(function: Any) -> Any:
    """The options that repeat a recipe's key."""
    for decorate in (
        option("--seed", key="seed", type=Whole(), metavar="N"),
        option("--set", "settings", key="set", type=KeyValue(), multiple=True, metavar="KEY=VALUE"),
        option("--train", key="train", type=Name(), metavar="HOW"),
        option("--backbone", key="backbone", type=Name(), metavar="B"),
        option("--task", key="task", type=Name(), metavar="KIND"),
        option("--data", key="data", type=Place(), metavar="DIR"),
    ):
        function = decorate(function)
    return function


@command("finetune")
@argument("recipe", key="recipe", type=Place(), required=False, metavar="[RECIPE]")
@recipe_keys
@option("--out", key="run_out", type=Place(), required=True, metavar="RUN")
@option("--resume", key="resume", is_flag=True)
def finetune(
    face: Face,
    recipe: Path | None,
    out: Path,
    resume: bool,
    **given: object,
) -> Outcome | None:
    """Call `homefield.api.finetune` and show what came of it."""
    from homefield import api
    from homefield.errors import CallError

    if resume and recipe is None:
        recipe = out / "recipe.toml"
        if not recipe.is_file():
            raise CallError("cli.resume_needs_run", path=out)
    keys = given_keys(given)
    run = api.finetune(recipe, out=out, resume=resume, workspace=face.workspace, listen=face.listen, **keys)
    if os.environ.get("RANK", "0") != "0":
        return None  # of several processes, the first tells
    return describe(run, face)


def given_keys(given: Mapping[str, Any]) -> Mapping[str, str]:
    """The recipe's keys among a command's options, `--set` and those that have a name of their own.

    Raises:
        CallError: `cli.given_twice`.
    """
    named = {key: str(value) for key, value in given.items() if key != "settings" and value is not None}
    return pairs(given["settings"], "--set", **named)


def describe(run: Run, face: Face) -> Outcome:
    """What the training came to."""
    say, record = face.say, run.record
    if several := run.tasks():
        return _describe_tasks(run, several, face)
    report = run.path / "report.html"
    best, assessment = record.get("best", {}), record.get("assessment") or {}
    took = sum(record.get("seconds", {}).values())
    facts = [
        (say("finetune.backbone"), f"{record['backbone']}, {record['how']}"),
        (say("finetune.best"), say("finetune.epoch", **best) if best else ""),
        (say("finetune.beside"), _beside(record.get("assessment"), face)),
        (say("finetune.took"), seconds(took, face.language)),
        (say("outcome.where"), str(run.path)),
        (say("finetune.report"), str(report) if report.is_file() else ""),
    ]
    return Outcome(
        document={"run": run.path, "report": report if report.is_file() else None, **_without_classes(record)},
        title=say("finetune.title", name=run.path.name),
        facts=[fact for fact in facts if fact[1]],
        tables=[_reached(run, face)],
        notes=[say("finetune.worse", rival=_rival(assessment, face))] if assessment.get("verdict") == "worse" else [],
        next_steps=[f"homefield export {run.path} --out model"],
    )


def _describe_tasks(run: Run, several: Mapping[str, Run], face: Face) -> Outcome:
    """What the training of several tasks came to, a line a task."""
    say, record = face.say, run.record
    rows = []
    for name, each in several.items():
        output = str(each.record["output"])
        split = next((split for split in ("test", "validation", "calibration") if split in each.metrics), "")
        numbers: Mapping[str, Any] = each.metrics.get(split, {})
        metric = SHOWN[output][0]
        beside = _beside(each.record.get("assessment"), face)
        reached = f"{say(f'metric.{metric}')} {written(metric, numbers.get(metric))}"
        rows.append([name, say(f"split.{split}") if split else "", reached, beside])
    headings = [say("finetune.task"), say("finetune.split"), say("finetune.reached"), say("finetune.beside")]
    return Outcome(
        document={
            "run": run.path,
            **{key: value for key, value in record.items() if key != "tasks"},
            "tasks": {name: {"run": each.path, **_without_classes(each.record)} for name, each in several.items()},
        },
        title=say("finetune.title", name=run.path.name),
        facts=[
            (say("finetune.backbone"), f"{record['backbone']}, {record['how']}"),
            (say("finetune.took"), seconds(sum(record.get("seconds", {}).values()), face.language)),
            (say("outcome.where"), str(run.path)),
        ],
        tables=[Table(headings, rows)],
        next_steps=[f"homefield export {run.path} --task {name} --out {name}-model" for name in several],
    )


def _beside(assessment: Mapping[str, Any] | None, face: Face) -> str:
    """The headline metric beside the baseline's on the same rows."""
    if assessment is None or assessment.get("baseline") is None:
        return ""
    model, baseline = (written(assessment["metric"], assessment[name]) for name in ("model", "baseline"))
    if assessment["verdict"] is None:
        return ""
    verdict = face.say(f"evaluate.{assessment['verdict']}")
    metric, split = face.say(f"metric.{assessment['metric']}"), face.say(f"split.{assessment['split']}")
    return face.say(
        "finetune.beside_baseline",
        metric=metric,
        split=split,
        model=model,
        rival=_rival(assessment, face),
        baseline=baseline,
        verdict=verdict,
    )


def _rival(assessment: Mapping[str, Any], face: Face) -> str:
    """What the baseline is: TF-IDF, or for pairs the better of TF-IDF and BM25."""
    return face.say(f"evaluate.{assessment.get('rival') or 'tfidf'}")


def _reached(run: Run, face: Face) -> Table:
    """The metrics of each held-out split."""
    say, metrics, output = face.say, run.metrics, str(run.record["output"])
    columns = SHOWN[output]
    rows = [
        [say(f"split.{split}"), f"{numbers['rows']:,}", *(written(name, numbers.get(name)) for name in columns)]
        for split, numbers in metrics.items()
    ]
    headings = [say("finetune.split"), say("finetune.rows"), *(say(f"metric.{name}") for name in columns)]
    return Table(headings, rows, right=range(1, len(headings)))


def written(metric: str, value: float | None) -> str:
    """A metric as it is read: a share in per cent, any other with as many places as make a column of it."""
    if metric not in (*_PLACES, *_SIZES):
        return percent(value)
    if value is None or value != value:
        return "–"
    return f"{value:.4f}" if metric in _PLACES else f"{value:.4g}"


def _without_classes(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record without numbers by class, which stand in run.json and the report."""
    metrics = record.get("metrics", {})
    short = {split: {k: v for k, v in numbers.items() if k != "per_class"} for split, numbers in metrics.items()}
    return {**record, "metrics": short}
