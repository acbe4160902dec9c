"""The Python API: what the command line does, as functions that take paths and return objects.

Each function imports its floor when it is called, so that `homefield.load(path).predict([...])` never imports torch.
Every long one takes `listen`, which gets `homefield.events.Event`s; `workspace` is found as the commands find it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from homefield.errors import CallError
from homefield.events import Listener, silent
from homefield.upkeep import challenge, forget, promote, rollback
from homefield.workspace import Workspace, find_workspace

if TYPE_CHECKING:
    from homefield.backbones import BackboneSource
    from homefield.bundle import Bundle
    from homefield.data import Dataset
    from homefield.operate.judge import Verdict
    from homefield.operate.matching import MatchVerdict
    from homefield.serve import Matcher, Prediction, Predictor
    from homefield.ship.compress import Compressed
    from homefield.train import Run
    from homefield.train.pretrain.run import PretrainRun

__all__ = [
    "add_backbone",
    "challenge",
    "compare",
    "compress",
    "evaluate",
    "export",
    "finetune",
    "forget",
    "load",
    "open_dataset",
    "open_run",
    "predict",
    "prepare",
    "pretrain",
    "promote",
    "rollback",
]

AnyPath = str | PathLike[str]


def prepare(
    files: AnyPath | Sequence[AnyPath],
    out: AnyPath,
    *,
    columns: Mapping[str, str] | None = None,
    test: AnyPath | None = None,
    split: Literal["random", "group", "time"] = "random",
    seed: int = 0,
    workspace: Workspace | None = None,
    listen: Listener = silent,
    **options: Any,
) -> Dataset:
    """Turn files of records into a dataset folder at `out`.

    columns: role -> column name, e.g. `{"text": "question", "label": "intent"}`; roles not named are guessed.
    test: records kept for testing; rows of `files` that also stand in it are removed from training.
    options: any other field of `homefield.data.PrepareOptions`, e.g. `languages=("zh",)`.

    Rows of customers whom the workspace has forgotten (`forget`) are rejected.

    Raises:
        RecordsError: the records cannot be used; names file, row and column.
        CallError: `files.exists` when `out` is there already.
    """
    from homefield.data import PrepareOptions
    from homefield.data import prepare as prepare_records
    from homefield.operate.forget import forgotten_in

    several = [files] if isinstance(files, (str, PathLike)) else files
    return prepare_records(
        [Path(file) for file in several],
        Path(out),
        columns=columns or {},
        test=None if test is None else Path(test),
        options=PrepareOptions(split=split, seed=seed, **options),
        forgotten=forgotten_in(workspace or find_workspace()),
        listen=listen,
    )


def open_dataset(path: AnyPath) -> Dataset:
    """Open the dataset folder that `prepare` made.

    Raises:
        CallError: `dataset.missing`, `dataset.newer`.
    """
    from homefield.data import open_dataset as open_folder

    return open_folder(Path(path))


def finetune(
    recipe: AnyPath | None = None,
    *,
    out: AnyPath,
    resume: bool = False,
    workspace: Workspace | None = None,
    listen: Listener = silent,
    **keys: object,
) -> Run:
    """Train a model: by the recipe file, by `keys` of a recipe, or by both (the keys win).

    Example: `finetune(data="data", train="top:2", epochs=4, out="run")`.

    Raises:
        RecipeError: every fault of the recipe at once.
        Interrupted: stopped by the user; `resume=True` goes on.
    """
    from homefield.train.check import load_whole
    from homefield.train.finetune import finetune as train_by

    place = workspace or find_workspace()
    loaded = load_whole(None if recipe is None else Path(recipe), _plain_paths(keys), place)
    return train_by(loaded, Path(out), workspace=place, resume=resume, listen=listen)


def pretrain(
    recipe: AnyPath | None = None,
    *,
    out: AnyPath,
    resume: bool = False,
    workspace: Workspace | None = None,
    listen: Listener = silent,
    **keys: object,
) -> PretrainRun:
    """Learn a backbone from plain text: by the recipe file, by `keys` of a recipe, or by both (the keys win).

    Example: `pretrain(corpus=["texts/*.txt.xz"], minutes=60, out="run")`; `finetune(backbone="run/backbone", ...)`.

    Raises:
        RecipeError: every fault of the recipe at once.
        Interrupted: stopped by the user; `resume=True` goes on.
    """
    from homefield.train.pretrain.pretrain import pretrain as pretrain_by
    from homefield.train.pretrain.recipe import load_pretrain_recipe

    loaded = load_pretrain_recipe(None if recipe is None else Path(recipe), _plain_paths(keys))
    return pretrain_by(loaded, Path(out), workspace=workspace or find_workspace(), resume=resume, listen=listen)


def open_run(path: AnyPath) -> Run:
    """Open the folder of a run.

    Raises:
        CallError: there is no run.
    """
    from homefield.train import open_run as open_folder

    return open_folder(Path(path))


def export(
    run: AnyPath | Run,
    out: AnyPath | None = None,
    *,
    name: str | None = None,
    task: str | None = None,
    risk: float | None = None,
    workspace: Workspace | None = None,
    listen: Listener = silent,
) -> Bundle:
    """Turn a run into a model: at the folder `out`, or as the next version of `name` in the workspace.

    task: of a run that learned several, which one. risk: highest share of wrong automatic answers; sets the threshold
    for answering.

    Raises:
        Refused: trained, exported and quantised do not answer alike; says where they part.
        CallError: neither or both of `out` and `name`, or a name that is none; `train.which_task`.
    """
    from homefield.ship import export as export_run
    from homefield.ship import export_named

    if (out is None) == (name is None):
        raise CallError("cli.either_out_or_name")
    opened = (open_run(run) if isinstance(run, (str, PathLike)) else run).task(task)
    place = workspace or find_workspace()
    if name is not None:
        return export_named(opened, name, place, risk=risk, listen=listen)
    assert out is not None
    return export_run(opened, Path(out), risk=risk, threads=place.settings.threads, listen=listen)


def compress(
    model: AnyPath,
    out: AnyPath,
    *,
    distil: str | None = None,
    prune: float | None = None,
    data: AnyPath | None = None,
    unlabelled: AnyPath | None = None,
    workspace: Workspace | None = None,
    listen: Listener = silent,
    **keys: object,
) -> Compressed:
    """Make a smaller model at `out` from a run or a model: `distil` a backbone from it, or `prune` a share of it.

    data: the dataset it learned from; a run knows it. unlabelled: a file of further texts. keys: of the recipe that the
    smaller model is trained by.

    Raises:
        CallError: neither or both of `distil` and `prune`; no dataset, or another one; nothing that could be pruned.
        Refused: as `export`.
    """
    from homefield.ship.compress import compress_by_distilling, compress_by_pruning

    if (distil is None) == (prune is None):
        raise CallError("cli.either_distil_or_prune")
    place = workspace or find_workspace()
    rest: dict[str, Any] = {
        "workspace": place,
        "data": None if data is None else Path(data),
        "unlabelled": None if unlabelled is None else Path(unlabelled),
        "keys": _plain_paths(keys),
        "listen": listen,
    }
    folder = _model_folder(model, place)
    if distil is not None:
        return compress_by_distilling(folder, distil, Path(out), **rest)
    assert prune is not None
    return compress_by_pruning(folder, prune, Path(out), **rest)


def add_backbone(source: str, *, name: str | None = None, workspace: Workspace | None = None) -> BackboneSource:
    """Copy a backbone from a folder, or from a hub when the workspace is not offline, into the workspace.

    Raises:
        CallError: it is no backbone, it has no files to bring, or the name is taken or none.
        MachineError, RemoteError: a hub name while offline, or a hub that does not answer.
    """
    from homefield.backbones.bring import bring

    return bring(source, name=name, workspace=workspace or find_workspace())


def load(
    model: AnyPath, *, precision: Literal["int8", "fp32"] = "int8", workspace: Workspace | None = None
) -> Predictor | Matcher:
    """Open a model for answering: a `Matcher` for one that gives vectors, else a `Predictor`. Never imports torch.

    Raises:
        CallError: there is no such model.
        Tampered: a file is not what the model's manifest says.
    """
    from homefield.bundle import open_bundle, resolve_model
    from homefield.serve import Matcher, Predictor

    bundle = open_bundle(resolve_model(str(model), workspace or find_workspace()))
    return (Matcher if bundle.manifest.output == "vector" else Predictor)(bundle, precision=precision)


def predict(model: AnyPath, texts: str | Sequence[str], *, workspace: Workspace | None = None) -> list[Prediction]:
    """Answer texts with a model; to ask again and again, `load` it once.

    Raises:
        as `load`.
    """
    return load(model, workspace=workspace).predict([texts] if isinstance(texts, str) else list(texts))


def evaluate(
    model: AnyPath,
    file: AnyPath,
    *,
    columns: Mapping[str, str] | None = None,
    against: AnyPath | None = None,
    workspace: Workspace | None = None,
    listen: Listener = silent,
) -> Verdict | MatchVerdict:
    """Judge a model on records with the right answers, beside a second model on the same rows if one is named.

    Raises:
        RecordsError: the records cannot be used.
        CallError, Tampered: as `load`.
    """
    from homefield.bundle import open_bundle
    from homefield.operate.judge import judge
    from homefield.operate.matching import judge_match

    place = workspace or find_workspace()
    folder = _model_folder(model, place)
    compares = open_bundle(folder).manifest.output == "vector"
    return (judge_match if compares else judge)(
        folder,
        Path(file),
        columns=columns or {},
        against=None if against is None else _model_folder(against, place),
        threads=place.settings.threads,
        listen=listen,
    )


def compare(
    model: AnyPath,
    other: AnyPath,
    rows: AnyPath,
    *,
    columns: Mapping[str, str] | None = None,
    workspace: Workspace | None = None,
    listen: Listener = silent,
) -> Verdict | MatchVerdict:
    """As `evaluate` with `against`; `rows` may be a dataset folder, whose test split it then is.

    Raises:
        CallError: `gate.no_test`; as `evaluate`.
    """
    from homefield.operate.gate import records_in

    file = records_in(Path(rows))
    return evaluate(model, file, columns=columns, against=other, workspace=workspace, listen=listen)


def _model_folder(model: AnyPath, workspace: Workspace) -> Path:
    from homefield.bundle import resolve_model

    return resolve_model(str(model), workspace)


def _plain_paths(keys: Mapping[str, object]) -> dict[str, object]:
    return {key: str(value) if isinstance(value, PathLike) else value for key, value in keys.items()}
