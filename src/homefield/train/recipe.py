"""The recipe: flat keys that say what is trained, from what, and how. Every key has a default.

A recipe is a TOML file, overrides (`--set KEY=VALUE`), or both. Values left at `auto` are chosen by
`homefield.train.defaults` from the backbone, the way of training and the dataset, and written out in the run's own
`recipe.toml`. What each key means stands in `messages/*/recipe.toml`, which `explain` prints.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from homefield.messages import Language
from homefield.train.faults import RecipeFault, RecipeFaults
from homefield.train.keys import explain_keys, parse_overrides, read_keys, read_toml, write_keys

__all__ = [
    "FREE_KEYS",
    "PATHS",
    "Recipe",
    "explain",
    "load_recipe",
    "parse_overrides",
    "read_recipe",
    "source_of",
    "write_recipe",
]

Auto = Literal["auto"]
Tracker = Literal["tensorboard", "wandb", "mlflow", "visdom"]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Whole = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]

FREE_KEYS = frozenset({"checkpoint_minutes", "log_every", "trackers", "estimate", "baseline", "report", "data_hash"})
"""Keys that do not touch the trained weights: a run may be resumed with other values of them."""
PATHS = ("tasks", "unlabelled")
"""Keys that hold lists of paths."""


class Recipe(BaseModel):
    """What to train and how; see `explain` for the meaning of each key."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    data: str = ""
    data_hash: str = ""
    tasks: tuple[str, ...] = ()
    task: Literal["auto", "classify", "multilabel", "regress", "match"] = "auto"
    backbone: str = "auto"
    train: str = "all"
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0

    epochs: Whole | Auto = "auto"
    batch: Whole = 64
    tokens: Whole | Auto = "auto"
    window: Whole = 50
    max_length: Annotated[int, Field(ge=4)] | Auto = "auto"
    vocabulary: Literal["used", "all"] = "used"

    optimizer: Literal["adamw", "adam", "sgd"] = "adamw"
    learning_rate: Positive | Auto = "auto"
    head_learning_rate: Positive | Auto = "auto"
    layer_decay: Annotated[float, Field(gt=0, le=1)] | Auto = "auto"
    weight_decay: Amount = 0.01
    momentum: Share = 0.9
    beta2: Share = 0.999
    warmup: Share = 0.1
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    clip: Amount = 1.0
    average: Share | Auto = "auto"

    head_start: Literal["auto", "fitted", "random"] = "auto"
    beside: Literal["auto", "ngrams", "none"] = "auto"
    dropout: Share = 0.0
    head_dropout: Share | Auto = "auto"
    label_smoothing: Share | Auto = "auto"
    class_weights: Literal["none", "balanced"] = "none"
    focal: Amount = 0.0
    augment: str = "none"
    augment_variants: Whole = 4

    temperature: Positive = 0.05
    negatives: Annotated[int, Field(ge=0, le=100)] = 2
    apart: Amount = 0.1
    candidates: Literal["all", "split"] = "all"

    start: str = ""
    teacher: str = ""
    soft: Annotated[float, Field(ge=0, le=1)] = 0.7
    soft_temperature: Positive = 2.0
    unlabelled: tuple[str, ...] = ()

    adapt: bool = False
    adapt_minutes: Amount = 0.0
    adapt_tokens: Positive | Auto = "auto"

    metric: str = "auto"
    patience: Annotated[int, Field(ge=0)] = 0
    min_rows: Whole = 2

    precision: Literal["auto", "fp32", "autocast", "bf16"] = "auto"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    cache: bool = True

    checkpoint_minutes: Amount = 5.0
    log_every: Whole = 10
    trackers: tuple[Tracker, ...] = ()
    estimate: bool = True
    baseline: bool = True
    report: bool = True

    @field_validator("trackers", "unlabelled", "tasks", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def load_recipe(path: Path | None = None, overrides: Mapping[str, object] | None = None) -> Recipe:
    """Read a recipe file (None: only defaults) and lay `overrides` over it.

    Relative paths of `data`, `tasks` and `unlabelled` in a file are taken from the file's folder.

    Raises:
        RecipeFaults: unknown keys and values of the wrong kind, all of them.
        CallError: `recipe.unreadable`, when there is no such file or it is not TOML.
    """
    recipe, faults = read_recipe(path, overrides)
    if faults:
        raise RecipeFaults(faults, source=source_of(path))
    return recipe


def read_recipe(
    path: Path | None = None, overrides: Mapping[str, object] | None = None
) -> tuple[Recipe, list[RecipeFault]]:
    """As `load_recipe`, but with the faults given back, and the recipe without the keys that have them.

    Raises:
        CallError: `recipe.unreadable`.
    """
    values: dict[str, object] = {}
    if path is not None:
        values = read_toml(path)
        if isinstance(data := values.get("data"), str) and data and not Path(data).expanduser().is_absolute():
            values["data"] = str(path.parent / data)
        for key in PATHS:
            if isinstance(files := values.get(key), list):
                values[key] = [str(path.parent / Path(str(each)).expanduser()) for each in files]
    values |= dict(overrides or {})
    return read_keys(Recipe, values, area="recipe")


def source_of(path: Path | None) -> str:
    """Where a recipe's keys stand, for messages."""
    return str(path) if path else "--set"


def write_recipe(recipe: Recipe, path: Path) -> None:
    """Write every key of `recipe` as TOML."""
    write_keys(recipe, path)


def explain(language: Language) -> list[tuple[str, str, str, str]]:
    """Every key as (key, default, what it means, what is accepted), in the order of the recipe."""
    return explain_keys(Recipe, "recipe", language)
