"""What a pre-training leaves behind, and how one is opened.

recipe.toml    every key with the value it had        run.json     status, corpus, machine, evaluations, times
metrics.jsonl  loss, learning rate, speed by step      log.txt      everything that was told
checkpoints/   the newest one, gone at the end         start/       the network before the first step, likewise
backbone/      the backbone: config.json, model.safetensors, tokenizer.json, README.md
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from homefield.data.corpus import corpus_files
from homefield.errors import CallError
from homefield.train.faults import RecipeFault, RecipeFaults
from homefield.train.pretrain.recipe import FREE_KEYS, PretrainRecipe, load_pretrain_recipe

__all__ = ["PretrainRun", "open_pretrain_run", "resumed"]


@dataclass(frozen=True)
class PretrainRun:
    """An opened run."""

    path: Path
    recipe: PretrainRecipe

    @cached_property
    def record(self) -> dict[str, Any]:
        """run.json."""
        values: dict[str, Any] = json.loads((self.path / "run.json").read_text(encoding="utf-8"))
        return values

    @property
    def status(self) -> str:
        """`running`, `finished`, `interrupted` or `failed`."""
        return str(self.record["status"])

    @property
    def backbone(self) -> Path:
        """The backbone's folder; there when the run is finished."""
        return self.path / "backbone"


def open_pretrain_run(path: Path) -> PretrainRun:
    """Open the run in the folder `path`.

    Raises:
        CallError: `pretrain.no_run`, when there is none.
    """
    if not (path / "run.json").is_file() or not (path / "recipe.toml").is_file():
        raise CallError("pretrain.no_run", path=path)
    return PretrainRun(path, load_pretrain_recipe(path / "recipe.toml"))


def resumed(run: PretrainRun, given: PretrainRecipe) -> PretrainRecipe:
    """The recipe of `run`, with the keys of `given` that do not touch the weights.

    Raises:
        RecipeFaults: keys set in `given` that differ from the run's.
    """
    stored = run.recipe
    faults = []
    for key in sorted(given.model_fields_set - FREE_KEYS):
        old, new = getattr(stored, key), getattr(given, key)
        if key == "corpus":
            new = tuple(str(file.resolve()) for file in corpus_files(new, Path.cwd()))
        elif key == "probes":
            new = tuple(str(Path(each).expanduser().resolve()) for each in new)
        elif key == "pairs" and new:
            new = str(Path(new).expanduser().resolve())
        if new not in (old, "auto"):
            faults.append(RecipeFault(key, "recipe.fault.resumed", {"expected": old, "got": new}))
    if faults:
        raise RecipeFaults(faults, source=str(run.path))
    return stored.model_copy(update={key: getattr(given, key) for key in given.model_fields_set & FREE_KEYS})
