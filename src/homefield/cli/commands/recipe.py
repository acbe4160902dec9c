"""`homefield recipe`: write one, find its faults, explain it."""

from __future__ import annotations

import json
import os
from pathlib import Path

from homefield.cli.command import Group, argument, command, option
from homefield.cli.commands.finetune import given_keys, recipe_keys
from homefield.cli.face import Face
from homefield.cli.outcome import Outcome, Table
from homefield.cli.values import Place

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
    from homefield.train.recipe import explain, load_recipe

    if recipe.exists() and not force:
        raise CallError("cli.file_there", path=recipe)
    keys = dict(given_keys(given))
    if "data" in keys:  # a relative path in a recipe is taken from the recipe's folder
        keys["data"] = os.path.relpath(keys["data"], recipe.parent)
    made = load_recipe(None, keys)
    values = made.model_dump()
    lines = [f"# {face.say('recipe.heading')}", ""]
    for key, _, meaning, accepted in explain(face.language):
        lines += [f"# {meaning}", f"# {face.say('recipe.accepted', accepted=accepted)}"]
        lines += [f"{key} = {_toml(values[key])}", ""]
    write_file(recipe, "\n".join(lines))
    return Outcome(
        document={"recipe": recipe, "keys": values},
        title=face.say("recipe.written", path=recipe),
        next_steps=[f"homefield recipe check {recipe}", f"homefield finetune {recipe} --out run"],
    )


@command("check")
@argument("recipe", key="recipe", type=Place(), metavar="RECIPE")
@recipe_keys
def check(face: Face, recipe: Path, **given: object) -> Outcome:
    """Everything that can be known before a network is loaded."""
    from homefield.train.check import check_tasks, load_whole

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


@command("explain")
@argument("recipe", key="recipe", type=Place(), required=False, metavar="[RECIPE]")
@recipe_keys
def explain_(face: Face, recipe: Path | None, **given: object) -> Outcome:
    """Every key, its meaning, its default, and this recipe's value."""
    from homefield.train.recipe import explain, load_recipe

    values = load_recipe(recipe, given_keys(given)).model_dump()
    keys = [
        {"key": key, "default": default, "value": _toml(values[key]), "meaning": meaning, "accepted": accepted}
        for key, default, meaning, accepted in explain(face.language)
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


def _toml(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)  # for what a recipe holds, JSON is TOML


for each in (init, check, explain_):
    recipe.add_command(each)
