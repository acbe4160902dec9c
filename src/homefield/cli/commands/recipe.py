"""`homefield recipe`: write one, find its faults, explain it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from homefield.cli.command import Group, argument, command, option
from homefield.cli.commands.finetune import given_keys, recipe_keys
from homefield.cli.face import Face
from homefield.cli.outcome import Outcome, Table
from homefield.cli.values import Place

if TYPE_CHECKING:
    from homefield.train.pretrain.recipe import PretrainRecipe
    from homefield.train.recipe import Recipe

__all__ = ["recipe"]

recipe = Group("recipe")


@command("init")
@argument("recipe", key="recipe_new", type=Place(), metavar="RECIPE")
@recipe_keys
@option("--force", key="force", is_flag=True)
def init(face: Face, recipe: Path, force: bool, **given: object) -> Outcome:
    """Write every key with its value and what it means."""
    from homefield.errors import CallError
    from homefield.files import write_file

    if recipe.exists() and not force:
        raise CallError("cli.file_there", path=recipe)
    made, explained = _loaded(None, given_keys(given), face)
    values = made.model_dump()
    for key in ("data", "corpus", "pairs", "probes"):  # a relative path in a recipe is taken from the recipe's folder
        if paths := values.get(key):
            several = [paths] if isinstance(paths, str) else paths
            from_there = [os.path.relpath(Path(each).expanduser(), recipe.parent) for each in several]
            values[key] = from_there[0] if isinstance(paths, str) else from_there
    lines = [f"# {face.say('recipe.heading')}", ""]
    for key, _, meaning, accepted in explained:
        lines += [f"# {meaning}", f"# {face.say('recipe.accepted', accepted=accepted)}"]
        lines += [f"{key} = {_toml(values[key])}", ""]
    write_file(recipe, "\n".join(lines))
    return Outcome(
        document={"recipe": recipe, "keys": values},
        title=face.say("recipe.written", path=recipe),
        next_steps=[f"homefield recipe check {recipe}", f"homefield {_verb(made)} {recipe} --out run"],
    )


@command("check")
@argument("recipe", key="recipe", type=Place(), metavar="RECIPE")
@recipe_keys
def check(face: Face, recipe: Path, **given: object) -> Outcome:
    """Everything that can be known before a network is loaded."""
    from homefield.train.check import check_tasks, load_whole
    from homefield.train.pretrain.recipe import is_pretraining

    if is_pretraining(recipe, given_keys(given)):
        return _check_pretraining(face, recipe, given_keys(given))
    several = check_tasks(load_whole(recipe, given_keys(given), face.workspace), face.workspace)
    say = face.say
    facts = {
        "data": ", ".join(str(checked.dataset.path) for checked in several),
        "task": ", ".join(checked.task.name for checked in several),
        "backbone": several[0].source.name,
        "train": several[0].recipe.train,
        "metric": ", ".join(checked.metric.name for checked in several),
    }
    return Outcome(
        document={"recipe": recipe, "fine": True, **facts},
        title=say("recipe.fine", path=recipe),
        facts=list(facts.items()),
        next_steps=[f"homefield finetune {recipe} --out run"],
    )


def _check_pretraining(face: Face, recipe: Path, keys: Mapping[str, str]) -> Outcome:
    from homefield.data.corpus import corpus_files
    from homefield.train.pretrain.check import check_inputs, check_pretrain
    from homefield.train.pretrain.recipe import load_pretrain_recipe

    loaded = load_pretrain_recipe(recipe, keys).placed()
    check_pretrain(loaded)
    check_inputs(loaded, face.workspace)
    facts = {
        "task": loaded.task,
        "corpus": ", ".join(str(file.resolve()) for file in corpus_files(loaded.corpus, Path.cwd())),
        "backbone": loaded.backbone or "-",
        "objective": loaded.objective,
        "minutes" if loaded.minutes else "tokens": f"{loaded.minutes or loaded.tokens:g}",
    }
    return Outcome(
        document={"recipe": recipe, "fine": True, **facts},
        title=face.say("recipe.fine", path=recipe),
        facts=list(facts.items()),
        next_steps=[f"homefield pretrain {recipe} --out run"],
    )


@command("explain")
@argument("recipe", key="recipe", type=Place(), required=False, metavar="[RECIPE]")
@recipe_keys
def explain_(face: Face, recipe: Path | None, **given: object) -> Outcome:
    """Every key, its meaning, its default, and this recipe's value."""
    made, explained = _loaded(recipe, given_keys(given), face)
    values = made.model_dump()
    keys = [
        {"key": key, "default": default, "value": _toml(values[key]), "meaning": meaning, "accepted": accepted}
        for key, default, meaning, accepted in explained
    ]
    say = face.say
    rows = [
        [
            each["key"],
            each["value"] if each["value"] == each["default"] else say("recipe.not_default", **each),
            f"{each['meaning']}\n{say('recipe.accepted', accepted=each['accepted'])}",
        ]
        for each in keys
    ]
    return Outcome(
        document={"recipe": recipe, "keys": keys},
        title=say("recipe.explained", path=recipe) if recipe else say("recipe.explained_all"),
        tables=[Table([say("recipe.key"), say("recipe.value"), say("recipe.meaning")], rows)],
    )


def _loaded(
    recipe: Path | None, keys: Mapping[str, str], face: Face
) -> tuple[Recipe | PretrainRecipe, list[tuple[str, str, str, str]]]:
    """A recipe of either kind, and what its keys mean."""
    from homefield.train.pretrain.recipe import explain_pretrain, is_pretraining, load_pretrain_recipe
    from homefield.train.recipe import explain, load_recipe

    if is_pretraining(recipe, keys):
        return load_pretrain_recipe(recipe, keys), explain_pretrain(face.language)
    return load_recipe(recipe, keys), explain(face.language)


def _verb(made: Recipe | PretrainRecipe) -> str:
    """The command that the recipe is for."""
    from homefield.train.pretrain.recipe import TASK

    return "pretrain" if made.task == TASK else "finetune"


def _toml(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)  # for what a recipe holds, JSON is TOML


for each in (init, check, explain_):
    recipe.add_command(each)
