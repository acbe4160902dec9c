"""What a person may decide about `prepare`; every field has a default and stands in the dataset's manifest."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, get_args

from homefield.data.dataset import SPLITS, LabelKind
from homefield.data.mask import KINDS
from homefield.errors import CallError

__all__ = ["SHARES", "SHARES_WITH_TEST", "PrepareOptions", "SplitKind"]

SplitKind = Literal["random", "group", "time"]
SHARES: Mapping[str, float] = MappingProxyType({"train": 0.80, "validation": 0.05, "calibration": 0.05, "test": 0.10})
SHARES_WITH_TEST: Mapping[str, float] = MappingProxyType({"train": 0.90, "validation": 0.05, "calibration": 0.05})


@dataclass(frozen=True)
class PrepareOptions:
    """How records become a dataset.

    split: `random` (stratified by label), `group` (needs a `group` column) or `time` (needs a `time` column).
    seed: decides who goes into which split, together with the content alone.
    shares: share of rows by split; empty: 80/5/5/10, or 90/5/5 of the rows when a test file is given.
    label_kind: says what the label is instead of guessing: `category`, `categories`, `number` or `none`.
    languages: keep only these of `zh`, `en`, `other`; empty keeps all.
    max_characters: a longer text (after cleaning) is rejected.
    mask: kinds of personal data to replace (see `homefield.data.mask.KINDS`).
    near_threshold: Jaccard similarity of character n-grams from which two texts are near-duplicates; 1 switches off.
    suspects_rows: rows sampled in the search for wrong labels; 0 switches it off.
    encoding, delimiter: of the text files, instead of detecting them.

    Raises:
        CallError: `data.option_invalid`, naming the field, what was expected and what came.
    """

    split: SplitKind = "random"
    seed: int = 0
    shares: Mapping[str, float] = field(default_factory=dict)
    label_kind: LabelKind | None = None
    languages: tuple[str, ...] = ()
    max_characters: int = 100_000
    mask: tuple[str, ...] = KINDS
    near_threshold: float = 0.8
    suspects_rows: int = 200_000
    encoding: str | None = None
    delimiter: str | None = None

    def __post_init__(self) -> None:
        _choice("split", self.split, get_args(SplitKind))
        if self.label_kind is not None:
            _choice("label_kind", self.label_kind, get_args(LabelKind))
        for name in self.languages:
            _choice("languages", name, ("zh", "en", "other"))
        for name in self.mask:
            _choice("mask", name, KINDS)
        _check_shares(self.shares)
        if not 0.5 <= self.near_threshold <= 1:
            raise _invalid("near_threshold", "0.5 … 1", self.near_threshold)
        for name, least in (("max_characters", 1), ("suspects_rows", 0)):
            if getattr(self, name) < least:
                raise _invalid(name, f">= {least}", getattr(self, name))
        if self.delimiter is not None and len(self.delimiter) != 1:
            raise _invalid("delimiter", ", ; | \\t", repr(self.delimiter))

    def shares_for(self, with_test: bool) -> dict[str, float]:
        """The share of every split, in the order of `SPLITS`; with a test file the test split has none."""
        chosen = dict(self.shares) or dict(SHARES_WITH_TEST if with_test else SHARES)
        if with_test and (test := chosen.pop("test", 0.0)):
            chosen = {name: share / (1 - test) for name, share in chosen.items()}
        return {name: chosen.get(name, 0.0) for name in SPLITS}

    def as_json(self) -> dict[str, Any]:
        """Every field, JSON-ready, for the manifest."""
        return {
            name: dict(value) if isinstance(value, Mapping) else list(value) if isinstance(value, tuple) else value
            for name, value in self.__dict__.items()
        }


def _check_shares(shares: Mapping[str, float]) -> None:
    for name, share in shares.items():
        _choice("shares", name, SPLITS)
        if not 0 <= share <= 1:
            raise _invalid("shares", "0 … 1", f"{name}={share}")
    if shares and not math.isclose(sum(shares.values()), 1.0, abs_tol=1e-6):
        raise _invalid("shares", "sum = 1", f"{sum(shares.values()):g}")
    if shares and shares.get("train", 0) <= 0:
        raise _invalid("shares", "train > 0", shares.get("train", 0))


def _choice(name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise _invalid(name, ", ".join(allowed), value)


def _invalid(name: str, expected: object, got: object) -> CallError:
    return CallError("data.option_invalid", option=name, expected=expected, got=got)
