"""The recipe against the dataset, the backbone and the machine: every fault at once, before anything runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl
import torch

from homefield.backbones.catalogue import BackboneSource, resolve
from homefield.backbones.facts import Facts
from homefield.backbones.how import How, parse_how
from homefield.backbones.layers import check_how
from homefield.backbones.load import tells_hidden_tokens
from homefield.data.augment import NOISE, parse_noise
from homefield.data.dataset import SPLITS, Dataset, open_dataset
from homefield.errors import HomefieldError
from homefield.evaluate.matching import metric_for
from homefield.evaluate.pairs import frame_rows
from homefield.faults import closest
from homefield.tasks import Task, task, task_for
from homefield.train.defaults import choose_smoothing
from homefield.train.faults import RecipeFault, RecipeFaults
from homefield.train.loop import Metric
from homefield.train.recipe import Recipe, read_recipe, source_of
from homefield.train.run import read_facts
from homefield.train.trackers import installed
from homefield.workspace import Workspace

__all__ = ["Checked", "check_recipe", "check_tasks", "load_whole"]


_SHARES = ("accuracy", "f1_macro", "f1_micro")  # metrics that are shares of rows right


@dataclass(frozen=True)
class Checked:
    """A recipe that can run, with what its keys stand for. name: of the task, where a run learns several."""

    recipe: Recipe
    dataset: Dataset
    task: Task
    source: BackboneSource
    how: How
    metric: Metric
    name: str = ""


def load_whole(path: Path | None, overrides: Mapping[str, object], workspace: Workspace) -> Recipe:
    """As `load_recipe`; but a recipe with faulty keys is also checked for what is wrong with its other keys.

    Raises:
        RecipeFaults: every fault, those of single keys and those against dataset, backbone and machine.
        CallError: `recipe.unreadable`.
    """
    recipe, faults = read_recipe(path, overrides)
    if not faults:
        return recipe
    keys = {fault.key for fault in faults}
    try:
        check_tasks(recipe, workspace)
    except RecipeFaults as error:
        faults.extend(fault for fault in error.faults if fault.key not in keys)
    raise RecipeFaults(faults, source=source_of(path))


def check_tasks(recipe: Recipe, workspace: Workspace) -> list[Checked]:
    """As `check_recipe`, for each of the datasets in `tasks`, or for the one in `data`.

    Raises:
        RecipeFaults: with every fault found; those of one dataset alone under its name.
    """
    if not recipe.tasks:
        return [check_recipe(recipe, workspace)]
    paths = [Path(name).expanduser().resolve() for name in recipe.tasks]
    faults = list(_several_faults(recipe, [path.name for path in paths]))
    given = {"tasks": (), "backbone": _backbone_for_all(recipe, paths, workspace)}
    found: list[Checked] = []
    known = {(fault.key, fault.line("en")) for fault in faults}
    for path in paths:
        try:
            checked = check_recipe(recipe.model_copy(update={**given, "data": str(path)}), workspace)
        except RecipeFaults as error:
            for fault in error.faults:
                if (fault.key, fault.line("en")) not in known:
                    known.add((fault.key, fault.line("en")))
                    faults.append(replace(fault, key=f"{path.name}: {fault.key}") if fault.key == "data" else fault)
            continue
        found.append(replace(checked, name=path.name))
        if checked.task.output == "vector":
            faults.append(RecipeFault("tasks", "recipe.fault.tasks_match", {"got": path.name}))
    if faults:
        raise RecipeFaults(faults, source=", ".join(recipe.tasks))
    return found


def check_recipe(recipe: Recipe, workspace: Workspace) -> Checked:
    """Check everything about `recipe` that can be known before loading a network.

    Raises:
        RecipeFaults: with every fault found.
    """
    faults: list[RecipeFault] = []
    dataset = _dataset(recipe, faults)
    source = how = None
    try:
        languages = dataset.manifest.languages if dataset else {}
        source = _source(recipe, languages, workspace)
    except HomefieldError as error:
        faults.append(RecipeFault("backbone", "recipe.fault.cause", cause=error))
    try:
        how = parse_how(recipe.train)
        if source is not None:
            check_how(how, name=source.name, layers=source.facts.layers, fresh=source.facts.fresh, adaptable=True)
    except HomefieldError as error:
        faults.append(RecipeFault("train", "recipe.fault.cause", cause=error))
    faults.extend(_other_faults(recipe))
    faults.extend(_unadapted_faults(recipe))
    if recipe.adapt and source is not None:
        faults.extend(_adapt_faults(recipe, source))
    chosen = metric = None
    if dataset is not None and (name := _task_name(recipe, dataset, faults)) is not None:
        smoothing = choose_smoothing(name) if recipe.label_smoothing == "auto" else recipe.label_smoothing
        chosen = task(
            name,
            label_smoothing=smoothing,
            class_weights=recipe.class_weights,
            focal=recipe.focal,
            temperature=recipe.temperature,
            apart=recipe.apart,
        )
        faults.extend(_target_faults(recipe, chosen, dataset))
        metric = _metric(recipe, chosen, dataset, faults)
        faults.extend(_earlier_faults(recipe, chosen, dataset))
    if source is not None and isinstance(recipe.max_length, int) and recipe.max_length > source.facts.max_length:
        values = {"backbone": source.name, "limit": source.facts.max_length, "got": recipe.max_length}
        faults.append(RecipeFault("max_length", "recipe.fault.too_long", values))
    if faults or dataset is None or source is None or how is None or chosen is None or metric is None:
        raise RecipeFaults(faults, source=recipe.data or "-")
    files = tuple(str(Path(name).expanduser().resolve()) for name in recipe.unlabelled)
    fixed: dict[str, object] = {"data": str(dataset.path), "data_hash": dataset.manifest.hash, "task": chosen.name}
    fixed["unlabelled"] = files
    return Checked(recipe.model_copy(update=fixed), dataset, chosen, source, how, metric)


def _several_faults(recipe: Recipe, names: list[str]) -> Iterator[RecipeFault]:
    """Whether several tasks can be learned at all, and what has no meaning with them."""
    if len(names) < 2:
        yield RecipeFault("tasks", "recipe.fault.tasks_few", {"got": ", ".join(names)})
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield RecipeFault("tasks", "recipe.fault.tasks_alike", {"got": name})
    for key in ("data", "data_hash", "task", "metric", "start", "teacher", "unlabelled", "adapt"):
        if getattr(recipe, key) != Recipe.model_fields[key].default:
            yield RecipeFault(key, "recipe.fault.tasks_alone", {"key": key})


def _backbone_for_all(recipe: Recipe, paths: list[Path], workspace: Workspace) -> str:
    """The backbone named, or what `auto` is by the languages of all datasets together."""
    if recipe.backbone != "auto":
        return recipe.backbone
    languages: Counter[str] = Counter()
    for path in paths:
        with suppress(HomefieldError):  # told when the dataset is checked
            languages.update(open_dataset(path).manifest.languages)
    return resolve("auto", languages=languages, workspace=workspace).name


def _source(recipe: Recipe, languages: Mapping[str, int], workspace: Workspace) -> BackboneSource:
    """The backbone named, or that of the network to start from."""
    if not recipe.start:
        return resolve(recipe.backbone, languages=languages, workspace=workspace)
    facts = read_facts(Path(recipe.start).expanduser() / "weights")
    # What was fine-tuned once may be frozen, whatever it began as.
    card = replace(Facts.from_json(facts["blueprint"]["facts"]), fresh=False)
    return BackboneSource(card.name, "folder", card)


def _earlier_faults(recipe: Recipe, chosen: Task, dataset: Dataset) -> Iterator[RecipeFault]:
    """Whether the networks to start from and to learn from do this very task."""
    if recipe.unlabelled and not (recipe.teacher or recipe.adapt):
        yield RecipeFault("unlabelled", "recipe.fault.no_teacher")
    if recipe.unlabelled and recipe.teacher and chosen.output == "vector":
        yield RecipeFault("unlabelled", "recipe.fault.only_pairs")
    for name in recipe.unlabelled:
        if not Path(name).expanduser().is_file():
            yield RecipeFault("unlabelled", "recipe.fault.no_file", {"got": name})
    labels = [] if chosen.output == "vector" else list(dataset.manifest.labels)
    for key in ("start", "teacher"):
        if not (folder := getattr(recipe, key)):
            continue
        try:
            info = read_facts(Path(folder).expanduser() / "weights")["info"]
        except HomefieldError as error:
            yield RecipeFault(key, "recipe.fault.cause", cause=error)
            continue
        if info["task"] != chosen.name or info["labels"] != labels:
            values = {"path": folder, "task": info["task"], "labels": len(info["labels"])}
            yield RecipeFault(key, "recipe.fault.other_task", values)


def _unadapted_faults(recipe: Recipe) -> Iterator[RecipeFault]:
    """Budgets of an adapting that is not asked for."""
    for key in () if recipe.adapt else ("adapt_minutes", "adapt_tokens"):
        if getattr(recipe, key) not in (0, "auto"):
            yield RecipeFault(key, "recipe.fault.adapt_off")


def _adapt_faults(recipe: Recipe, source: BackboneSource) -> Iterator[RecipeFault]:
    """Whether the backbone can go on with its pre-training, and for how long."""
    if recipe.start:
        yield RecipeFault("adapt", "recipe.fault.adapt_start")
    elif source.facts.fresh:
        yield RecipeFault("adapt", "recipe.fault.adapt_fresh", {"backbone": source.name})
    elif source.path is None or not tells_hidden_tokens(source.path):
        yield RecipeFault("adapt", "recipe.fault.adapt_unable", {"backbone": source.name})
    if recipe.adapt_minutes and recipe.adapt_tokens != "auto":
        yield RecipeFault("adapt_minutes", "recipe.fault.adapt_budget")


def _dataset(recipe: Recipe, faults: list[RecipeFault]) -> Dataset | None:
    if not recipe.data:
        faults.append(RecipeFault("data", "recipe.fault.no_data"))
        return None
    try:
        dataset = open_dataset(Path(recipe.data).expanduser().resolve())
    except HomefieldError as error:
        faults.append(RecipeFault("data", "recipe.fault.cause", cause=error))
        return None
    if recipe.data_hash and recipe.data_hash != dataset.manifest.hash:
        values = {"expected": recipe.data_hash[:12], "got": dataset.manifest.hash[:12], "path": dataset.path}
        faults.append(RecipeFault("data_hash", "recipe.fault.other_dataset", values))
    return dataset


def _task_name(recipe: Recipe, dataset: Dataset, faults: list[RecipeFault]) -> str | None:
    kind = dataset.manifest.label_kind
    fits = "match" if recipe.task == "match" else task_for(kind, dataset.manifest.roles)
    if fits is None:
        faults.append(RecipeFault("data", "recipe.fault.no_labels"))
        return None
    if recipe.task not in ("auto", fits):
        values = {"kind": kind, "fits": fits, "got": recipe.task}
        faults.append(RecipeFault("task", "recipe.fault.wrong_task", values))
        return None
    return fits


def _target_faults(recipe: Recipe, chosen: Task, dataset: Dataset) -> Iterator[RecipeFault]:
    if dataset.rows("train") == 0:
        yield RecipeFault("data", "recipe.fault.no_rows")
        return
    labels = dataset.manifest.labels
    column = ("same" if "same" in dataset.manifest.roles else "text") if chosen.output == "vector" else "label"
    for fault in chosen.check(dataset.frame("train")[column], labels):
        yield RecipeFault("data", fault.code, fault.values)
    if chosen.output in ("number", "vector"):
        for key in ("class_weights", "focal", "label_smoothing"):
            if getattr(recipe, key) not in (Recipe.model_fields[key].default, 0.0):
                yield RecipeFault(key, "recipe.fault.no_classes", {"key": key, "task": chosen.name})
        return
    every = pl.concat([dataset.frame(split)["label"] for split in SPLITS if dataset.rows(split)])
    counts = dict((every.explode() if chosen.output == "categories" else every).value_counts().iter_rows())
    few = [label for label in labels if 0 < counts.get(label, 0) < recipe.min_rows]
    if few and len(labels) > 1:
        values = {"labels": ", ".join(few[:10]), "count": len(few), "least": recipe.min_rows}
        yield RecipeFault("min_rows", "tasks.class_single", values)


def _metric(recipe: Recipe, chosen: Task, dataset: Dataset, faults: list[RecipeFault]) -> Metric | None:
    known, name = chosen.metrics, chosen.metric
    if chosen.output == "vector" and dataset.rows("validation"):
        pairs = frame_rows(dataset.frame("validation"), noisy=True)
        name = metric_for(pairs)
        # Nothing can be told apart where all pairs are the same.
        told = pairs.labelled and 0 < pairs.same.sum() < len(pairs)
        known = {each: less for each, less in known.items() if told or each not in ("auc", "accuracy")}
    name = name if recipe.metric == "auto" else recipe.metric
    if name not in known:
        values = {"expected": ", ".join(known), "got": name}
        faults.append(RecipeFault("metric", "recipe.fault.wrong_metric", values, closest(name, list(known))))
        return None
    if dataset.rows("validation") == 0:
        for key, used in (("patience", recipe.patience > 0), ("metric", recipe.metric != "auto")):
            if used:
                faults.append(RecipeFault(key, "recipe.fault.no_validation", {"key": key}))
    return Metric(name, known[name], dataset.rows("validation") if name in _SHARES else 0)


def _other_faults(recipe: Recipe) -> Iterator[RecipeFault]:
    try:
        parse_noise(recipe.augment)
    except ValueError:
        kind = closest(recipe.augment.partition(":")[0], ["none", "usual", *NOISE])
        values = {"expected": "recipe.key.augment.expected", "got": recipe.augment}
        yield RecipeFault("augment", "recipe.fault.expected", values, kind)
    if recipe.device == "cuda" and not torch.cuda.is_available():
        yield RecipeFault("device", "recipe.fault.no_cuda")
    for name in recipe.trackers:
        if not installed(name):
            yield RecipeFault("trackers", "recipe.fault.tracker_missing", {"got": name})
