"""The kinds of jobs: what each takes, and what it does. What a kind needs is imported when one runs.

A job may be killed at any moment and run again: each kind makes its output whole or not at all, knows again what an
earlier attempt of the same job made, and goes on from there.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator

from homefield.errors import CallError
from homefield.events import Event
from homefield.operate.jobs.kind import Kind, Setting
from homefield.operate.jobs.routine import Backup, Retention, run_backup, run_retention
from homefield.operate.jobs.work import Arguments, Work, is_name

__all__ = ["kind_of", "kinds"]

_ABOVE = ("homefield.apps.support.jobs",)
"""Modules of the floor above that bring kinds of their own as `KINDS`, and import this floor: hence by their names."""


@cache
def kinds() -> Mapping[str, Kind]:
    """Every kind by its name, those of the applications among them."""
    every = [*_KINDS, *(kind for module in _ABOVE for kind in import_module(module).KINDS)]
    return {kind.name: kind for kind in every}


def kind_of(name: str) -> Kind:
    """The kind with this name.

    Raises:
        CallError: `jobs.no_such_kind`.
    """
    if name not in kinds():
        raise CallError("jobs.no_such_kind", given=name, known=", ".join(kinds()))
    return kinds()[name]


class Prepare(Arguments):
    """As `homefield prepare`; options: fields of `PrepareOptions`."""

    FILES = ("files", "test")
    PLACES = ("dataset",)

    files: list[str] = Field(min_length=1)
    dataset: str
    columns: dict[str, str] = Field(default_factory=dict)
    test: str | None = None
    split: Literal["random", "group", "time"] = "random"
    seed: int = 0
    options: dict[str, Setting] = Field(default_factory=dict)

    @field_validator("options")
    @classmethod
    def _known(cls, options: dict[str, Setting]) -> dict[str, Setting]:
        from homefield.data import PrepareOptions

        try:
            PrepareOptions(**_tuples(options))
        except (TypeError, CallError) as error:
            raise ValueError(str(error)) from error
        return options


class Finetune(Arguments):
    """As `homefield finetune`; keys: of the recipe."""

    PLACES = ("data", "run")

    data: str
    run: str
    keys: dict[str, Setting] = Field(default_factory=dict)


class Pretrain(Arguments):
    """As `homefield pretrain`; corpus: files or patterns."""

    FILES = ("corpus",)
    PLACES = ("run",)

    corpus: list[str] = Field(min_length=1)
    run: str
    keys: dict[str, Setting] = Field(default_factory=dict)


class Export(Arguments):
    """As `homefield export`, by name."""

    PLACES = ("run",)

    run: str
    name: str
    risk: float | None = Field(None, gt=0, lt=1)


class Evaluate(Arguments):
    """As `homefield evaluate`."""

    FILES = ("file",)

    model: str
    file: str
    columns: dict[str, str] = Field(default_factory=dict)
    against: str | None = None


class Wait(Arguments):
    """Nothing, for a while."""

    seconds: float = Field(1.0, ge=0, le=86_400)
    steps: int = Field(10, ge=1, le=100_000)


def _prepare(given: Prepare, work: Work) -> Mapping[str, Any]:
    from homefield.data import PrepareOptions, open_dataset, prepare
    from homefield.operate.forget import forgotten_in

    out = _place(given.dataset, work.workspace.datasets)
    if not (work.owned(out) and (out / "manifest.json").is_file()):
        options = PrepareOptions(split=given.split, seed=given.seed, **_tuples(given.options))
        test = None if given.test is None else work.file(given.test)
        files = [work.file(each) for each in given.files]
        forgotten = forgotten_in(work.workspace)
        prepare(
            files,
            out,
            columns=given.columns,
            test=test,
            options=options,
            forgotten=forgotten,
            listen=work.listen,
        )
    manifest = open_dataset(out).manifest
    return {"dataset": str(out), "hash": manifest.hash, "counts": dict(manifest.counts)}


def _finetune(given: Finetune, work: Work) -> Mapping[str, Any]:
    from homefield.train.check import load_whole
    from homefield.train.finetune import finetune

    out = _place(given.run, work.workspace.runs)
    resume = _goes_on(out, work)
    keys = {**given.keys, "data": str(_place(given.data, work.workspace.datasets))}
    recipe = load_whole(None, keys, work.workspace)
    run = finetune(recipe, out, workspace=work.workspace, resume=resume, listen=work.listen)
    return {"run": str(out), "metrics": {split: _short(numbers) for split, numbers in run.metrics.items()}}


def _pretrain(given: Pretrain, work: Work) -> Mapping[str, Any]:
    from homefield.train.pretrain.pretrain import pretrain
    from homefield.train.pretrain.recipe import load_pretrain_recipe

    out = _place(given.run, work.workspace.runs)
    resume = _goes_on(out, work)
    corpus = [str(work.file(each)) for each in given.corpus]
    recipe = load_pretrain_recipe(None, {**given.keys, "corpus": corpus})
    run = pretrain(recipe, out, workspace=work.workspace, resume=resume, listen=work.listen)
    return {"run": str(out), "backbone": str(run.backbone)}


def _export(given: Export, work: Work) -> Mapping[str, Any]:
    from homefield.ship import export_named
    from homefield.train import open_run

    run = open_run(_place(given.run, work.workspace.runs))
    made = export_named(run, given.name, work.workspace, job=work.folder.name, risk=given.risk, listen=work.listen)
    return {"model": made.manifest.title, "seal": made.manifest.seal}


def _evaluate(given: Evaluate, work: Work) -> Mapping[str, Any]:
    from homefield.bundle import open_bundle, resolve_model
    from homefield.operate.judge import judge
    from homefield.operate.matching import judge_match

    folder = resolve_model(given.model, work.workspace)
    compares = open_bundle(folder).manifest.output == "vector"
    verdict = (judge_match if compares else judge)(
        folder,
        work.file(given.file),
        columns=given.columns,
        against=None if given.against is None else resolve_model(given.against, work.workspace),
        threads=work.workspace.settings.threads,
        listen=work.listen,
    )
    report = work.folder / "report.html"
    verdict.write_report(report)
    found = verdict.assessment
    told = {"metric": found.metric, "headline": found.headline, "interval": list(found.interval), "rows": found.rows}
    return {"model": verdict.model, **told, "worse": verdict.worse, "report": str(report)}


def _wait(given: Wait, work: Work) -> Mapping[str, Any]:
    work.listen(Event("stage", "jobs.waiting", total=given.steps))
    for step in range(given.steps):
        time.sleep(given.seconds / given.steps)
        work.listen(Event("advance", "jobs.waiting", done=step + 1, total=given.steps))
    return {"waited": given.seconds}


_KINDS = (
    Kind("prepare", Prepare, _prepare),
    Kind("finetune", Finetune, _finetune, heavy=True),
    Kind("pretrain", Pretrain, _pretrain, heavy=True),
    Kind("export", Export, _export),
    Kind("evaluate", Evaluate, _evaluate),
    Kind("backup", Backup, run_backup),
    Kind("retention", Retention, run_retention),
    Kind("wait", Wait, _wait),
)


def _place(given: str, folder: Path) -> Path:
    """A folder: a name in the workspace, else a path."""
    return folder / given if is_name(given) else Path(given)


def _goes_on(out: Path, work: Work) -> bool:
    """Whether a training in `out` that this job began can go on; what was killed before its first note is cleared."""
    import shutil

    if not work.owned(out):
        return False
    if (out / "run.json").is_file() and (out / "recipe.toml").is_file():
        return True
    shutil.rmtree(out, ignore_errors=True)
    return False


def _tuples(options: Mapping[str, Setting]) -> dict[str, Any]:
    """Options as `PrepareOptions` has them: several in a tuple, one alone too."""
    from homefield.data import PrepareOptions

    several = {name for name, value in vars(PrepareOptions()).items() if isinstance(value, tuple)}
    return {
        key: tuple(value) if isinstance(value, list) else (value,) if key in several else value
        for key, value in options.items()
    }


def _short(numbers: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in numbers.items() if isinstance(value, (int, float, str))}
