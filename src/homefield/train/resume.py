"""Going on with a run: the recipe it was started with holds; a call that says otherwise is refused."""

from __future__ import annotations

from pathlib import Path

from homefield.train.faults import RecipeFault, RecipeFaults
from homefield.train.recipe import FREE_KEYS, PATHS, Recipe
from homefield.train.run import Run

__all__ = ["resumed_recipe"]


def resumed_recipe(run: Run, given: Recipe) -> Recipe:
    """The recipe of `run`, with the keys of `given` that do not touch the weights.

    Only keys that were set in `given` count, and `auto` agrees with whatever it stood for.

    Raises:
        RecipeFaults: keys of `given` that differ from the run's.
    """
    faults = []
    stored = run.recipe
    for key in given.model_fields_set - FREE_KEYS:
        old, new = getattr(stored, key), getattr(given, key)
        if key == "data" and new:
            new = str(Path(new).expanduser().resolve())
        elif key in PATHS:
            new = tuple(str(Path(each).expanduser().resolve()) for each in new)
        if new not in (old, "auto") and not (key == "data" and not new):
            faults.append(RecipeFault(key, "recipe.fault.resumed", {"expected": old, "got": new}))
    if given.data_hash and given.data_hash != stored.data_hash:
        values = {"expected": stored.data_hash[:12], "got": given.data_hash[:12]}
        faults.append(RecipeFault("data_hash", "recipe.fault.resumed", values))
    if faults:
        raise RecipeFaults(sorted(faults, key=lambda fault: fault.key), source=str(run.path))
    free = {key: getattr(given, key) for key in given.model_fields_set & FREE_KEYS - {"data_hash"}}
    return stored.model_copy(update=free)
