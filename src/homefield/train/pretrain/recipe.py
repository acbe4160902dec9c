"""The recipe of a pre-training: flat keys like those of fine-tuning, for a corpus, a shape and a budget."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from homefield.backbones.own import Weights
from homefield.messages import Language
from homefield.train.faults import RecipeFaults
from homefield.train.keys import explain_keys, read_keys, read_toml
from homefield.train.recipe import Amount, Auto, Positive, Share, Tracker, Whole, source_of

__all__ = ["FREE_KEYS", "TASK", "PretrainRecipe", "explain_pretrain", "is_pretraining", "load_pretrain_recipe"]

FREE_KEYS = frozenset({"checkpoint_minutes", "log_every", "trackers", "name", "languages", "licence", "credits"})
"""Keys that do not touch the trained weights: a run may be resumed with other values of them."""
TASK = "masked-lm"
"""What a recipe may name as its `task` to be known for one of pre-training."""
_PATHS = ("corpus", "probes")


class PretrainRecipe(BaseModel):
    """What is learned from, by which network, for how long; see `explain_pretrain` for the meaning of each key."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    task: Literal["masked-lm"] = "masked-lm"
    corpus: tuple[str, ...] = ()
    backbone: str = ""
    objective: Literal["masked-lm", "replaced-token"] = "masked-lm"
    teacher: str = ""
    pairs: str = ""
    pair_share: Annotated[float, Field(gt=0, le=1)] = 0.5
    held_out: Annotated[float, Field(gt=0, lt=0.5)] = 0.005
    minutes: Amount = 0.0
    tokens: Amount = 0.0
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0

    vocabulary: Annotated[int, Field(ge=300, le=65_535)] = 8_000
    pieces: Annotated[int, Field(ge=100)] = 1_500
    layers: Whole = 4
    width: Whole = 384
    heads: Whole = 6
    inner: Whole | Auto = "auto"
    grams: Annotated[int, Field(ge=0, le=1_000_000)] = 60_000
    gram: Whole = 96

    length: Annotated[int, Field(ge=8, le=8192)] = 64
    long_length: Annotated[int, Field(ge=8, le=8192)] = 256
    long_share: Share = 0.2
    mask: Annotated[float, Field(gt=0, lt=1)] = 0.15
    step_tokens: Whole | Auto = "auto"
    part_tokens: Whole | Auto = "auto"

    optimizer: Literal["adamw", "adam", "sgd"] = "adamw"
    learning_rate: Positive | Auto = "auto"
    weight_decay: Amount = 0.01
    momentum: Share = 0.9
    beta2: Share = 0.98
    warmup: Share = 0.06
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    clip: Amount = 1.0
    average: Share = 0.0

    evaluations: Whole = 10
    probes: tuple[str, ...] = ()

    precision: Literal["auto", "fp32", "autocast", "bf16"] = "auto"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    weights: Weights = "float16"
    name: str = "backbone"
    languages: tuple[str, ...] = ("zh", "en")
    licence: str = ""
    credits: str = ""

    checkpoint_minutes: Amount = 5.0
    log_every: Whole = 20
    trackers: tuple[Tracker, ...] = ()

    @field_validator("corpus", "probes", "languages", "trackers", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    def placed(self) -> PretrainRecipe:
        """With paths that mean the same wherever the recipe is kept."""
        paths = {key: tuple(str(Path(each).expanduser().absolute()) for each in getattr(self, key)) for key in _PATHS}
        return self.model_copy(update=paths)


def is_pretraining(path: Path | None, overrides: Mapping[str, object]) -> bool:
    """Whether these keys are meant for a pre-training: they name its task, or a corpus.

    Raises:
        CallError: `recipe.unreadable`.
    """
    values = {**({} if path is None else read_toml(path)), **overrides}
    return values.get("task") == TASK or "corpus" in values


def load_pretrain_recipe(path: Path | None, overrides: Mapping[str, object] | None = None) -> PretrainRecipe:
    """Read a recipe file and lay `overrides` over it. Relative paths in a file are taken from its folder.

    Raises:
        RecipeFaults: unknown keys and values of the wrong kind, all of them.
        CallError: `recipe.unreadable`, when there is no such file or it is not TOML.
    """
    values = {} if path is None else read_toml(path)
    if path is not None:
        for key in _PATHS:
            if isinstance(given := values.get(key), list):
                values[key] = [str(path.parent / Path(str(each)).expanduser()) for each in given]
        if isinstance(given := values.get("pairs"), str) and given:
            values["pairs"] = str(path.parent / Path(given).expanduser())
    recipe, faults = read_keys(PretrainRecipe, {**values, **(overrides or {})}, area="pretrain")
    if faults:
        raise RecipeFaults(faults, source=source_of(path))
    return recipe


def explain_pretrain(language: Language) -> list[tuple[str, str, str, str]]:
    """Every key as (key, default, what it means, what is accepted), in the order of the recipe."""
    return explain_keys(PretrainRecipe, "pretrain", language)
