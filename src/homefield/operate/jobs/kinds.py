"""The kinds of jobs: what each takes, and what it does. What a kind needs is imported when one runs.

A job may be killed at any moment and run again: each kind makes its output whole or not at all, knows again what an
earlier attempt of the same job made, and goes on from there.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator

from homefield.errors import CallError, NotAllowed
from homefield.events import Event
from homefield.operate.jobs.routine import Backup, Retention, run_backup, run_retention
from homefield.operate.jobs.work import Arguments, Run, Work, is_name
from homefield.store import is_id

__all__ = ["KINDS", "Kind", "kind_of"]

Setting = str | int | float | bool | list[str] | dict[str, float] | None


@dataclass(frozen=True)
class Kind:
    """One kind. heavy: it takes the whole machine for long, so that few of them run at once."""

    name: str
    arguments: type[Arguments]
    run: Run
    heavy: bool = False

    def check(self, arguments: Mapping[str, Any]) -> Arguments:
        """The arguments, each of the right type.

        Raises:
            CallError: `jobs.bad_arguments`, with every fault.
        """
        try:
            return self.arguments.model_validate(dict(arguments))
        except ValidationError as error:
            faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise CallError("jobs.bad_arguments", kind=self.name, faults=faults) from error

    def from_words(self, words: Mapping[str, str]) -> dict[str, Any]:
        """`KEY=VALUE` as arguments: `a,b` for several, `role=column,...` for pairs; what is no argument is a setting.

        Raises:
            CallError: `jobs.bad_arguments`.
        """
        fields = self.arguments.model_fields
        rest = next((name for name in ("keys", "options") if name in fields), None)
        made: dict[str, Any] = {}
        for key, word in words.items():
            if key in fields or rest is None:
                made[key] = _argument(word, str(fields[key].annotation) if key in fields else "str")
            else:
                # A recipe reads words itself.
                made.setdefault(rest, {})[key] = word if rest == "keys" else _setting(word)
        return made

    def check_names(self, arguments: Mapping[str, Any]) -> None:
        """See that nothing in the arguments is a path: for those who do not sit at the machine.

        Raises:
            NotAllowed: `jobs.paths`.
        """
        for field, value in arguments.items():
            if field in self.arguments.FILES:
                good = all(is_id(each) for each in _several(value))
            elif field in self.arguments.PLACES:
                good = all(is_name(each) for each in _several(value))
            else:
                good = not any(_like_a_path(each) for each in _words(value))
            if not good:
                raise NotAllowed("jobs.paths", field=field)

    def from_here(self, arguments: Mapping[str, Any], here: Path) -> dict[str, Any]:
        """The arguments with every path made absolute: a job runs in a folder of its own."""
        made = dict(arguments)
        for field, value in arguments.items():
            if value is None or field not in (*self.arguments.FILES, *self.arguments.PLACES):
                continue
            known = is_id if field in self.arguments.FILES else is_name
            places = [each if known(each) else str(here / Path(each).expanduser()) for each in _several(value)]
            made[field] = places if isinstance(value, list) else places[0]
        return made


def kind_of(name: str) -> Kind:
    """The kind with this name.

    Raises:
        CallError: `jobs.no_such_kind`.
    """
    if name not in KINDS:
        raise CallError("jobs.no_such_kind", given=name, known=", ".join(KINDS))
    return KINDS[name]


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


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("prepare", Prepare, _prepare),
        Kind("finetune", Finetune, _finetune, heavy=True),
        Kind("pretrain", Pretrain, _pretrain, heavy=True),
        Kind("export", Export, _export),
        Kind("evaluate", Evaluate, _evaluate),
        Kind("backup", Backup, run_backup),
        Kind("retention", Retention, run_retention),
        Kind("wait", Wait, _wait),
    )
}


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


def _argument(word: str, annotation: str) -> Any:
    """A word as its field wants it."""
    if annotation.startswith("list"):
        return [part.strip() for part in word.split(",") if part.strip()]
    if annotation.startswith("dict"):
        return {name.strip(): value for name, _, value in (part.partition("=") for part in word.split(","))}
    return word if "str" in annotation or "Literal" in annotation else _setting(word)


def _setting(word: str) -> Setting:
    """A word as the number, the several words or the pairs with numbers that it is."""
    try:
        if "=" in word:
            pairs = (part.partition("=") for part in word.split(","))
            return {name.strip(): float(share) for name, _, share in pairs}
        if "," in word:
            return [part.strip() for part in word.split(",") if part.strip()]
        number = float(word)
    except ValueError:
        return word
    return int(number) if number.is_integer() and "." not in word else number


def _short(numbers: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in numbers.items() if isinstance(value, (int, float, str))}


def _several(value: Any) -> list[str]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _words(value: Any) -> list[str]:
    """Every text in plain values."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [word for each in value.values() for word in _words(each)]
    return [word for each in value for word in _words(each)] if isinstance(value, list) else []


def _like_a_path(word: str) -> bool:
    return word.startswith(("/", "~", ".", "\\")) or ".." in word.split("/") or "\\" in word or word[1:2] == ":"
