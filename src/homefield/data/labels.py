"""What the label column holds: one category, several, or a number; decided over the whole file, not its first rows."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

import polars as pl

from homefield.data.dataset import LabelKind
from homefield.errors import RecordsError

__all__ = ["MAX_LABELS", "LabelCounter", "canonical_labels", "is_missing", "label_names", "typed_labels"]

MAX_LABELS = 20_000
_MANY_NUMBERS = 200  # whole numbers with more different values than this are a quantity, not classes
_MISSING = r"^(?i:nan|null|#n/a|<na>|n/a|)$"
_SEPARATORS = re.compile(r"[;|；、,，]")


def canonical_labels(labels: pl.Series, kind: LabelKind | None = None) -> pl.Series:
    """Labels as compared everywhere: trimmed, inner spaces single, missing ones null, lists sorted without doubles.

    A list stays a JSON list of strings; with `kind` `categories` also `a;b` (and `|`, `,`, `、`) is one.
    """
    plain = labels.cast(pl.String).str.normalize("NFC").str.replace_all(r"[\s\x{FEFF}\x{200B}]+", " ").str.strip_chars()
    plain = pl.select(pl.when(~plain.str.contains(_MISSING)).then(plain)).to_series().rename(labels.name)
    plain = plain.str.replace(r"^(-?[0-9]+)\.0+$", "$1")  # classes that went through a table program as numbers
    lists = plain.str.starts_with("[").fill_null(False)
    if kind == "categories":
        lists = plain.is_not_null()
    places = lists.arg_true()
    if len(places) == 0:
        return plain
    changed = [_canonical_list(label, split=kind == "categories") for label in plain.gather(places).to_list()]
    return plain.scatter(places, pl.Series(changed, dtype=pl.String))


def is_missing(label: str | None) -> bool:
    """Whether a label says nothing: empty, NaN, null."""
    return label is None or re.fullmatch(_MISSING, label.strip()) is not None


def _canonical_list(label: str, *, split: bool) -> str | None:
    parts: list[str] | None = None
    if label.startswith("["):
        try:
            value = json.loads(label)
        except json.JSONDecodeError:
            value = None
        if isinstance(value, list) and all(isinstance(item, (str, int, float, bool)) or item is None for item in value):
            parts = [str(item).strip() for item in value if item is not None]
    if parts is None:
        if not split:
            return label
        parts = [part.strip() for part in _SEPARATORS.split(label)]
    return json.dumps(sorted({part for part in parts if not is_missing(part)}), ensure_ascii=False)


class LabelCounter:
    """Learns a label column block by block and gives every label a small number.

    Codes below `MAX_LABELS` index `names`; beyond that labels can only be numbers, and codes are negative.
    """

    def __init__(self, kind: LabelKind | None, file: object, column: str) -> None:
        self._forced = kind
        self._file = file
        self._column = column
        self._codes: dict[str, int] = {}
        self._seen = 0
        self._lists = 0
        self._numbers = 0
        self._fractions = 0
        self._overflow = False

    @property
    def names(self) -> list[str]:
        """The labels by code."""
        return list(self._codes)

    def add(self, labels: pl.Series) -> list[int]:
        """Codes of canonical, non-null `labels`.

        Raises:
            RecordsError: `data.too_many_labels`, as soon as there are more than any classifier has.
        """
        self._seen += len(labels)
        self._lists += int(labels.str.starts_with('["').sum()) + int((labels == "[]").sum())
        numbers = labels.cast(pl.Float64, strict=False)
        self._numbers += int((numbers.is_not_null() & numbers.is_finite()).sum())
        self._fractions += int((numbers != numbers.round(0)).sum())
        codes = self._codes
        if self._forced != "number" and not self._overflow:
            for label in labels.unique(maintain_order=True).to_list():
                if label not in codes:
                    codes[label] = len(codes)
            self._overflow = len(codes) > MAX_LABELS
            if self._overflow and self._numbers < self._seen:
                raise self._too_many()
        if self._forced == "number" or self._overflow:
            return [codes.get(label, -1 - (hash_of(label) & 0x3FFFFFFF)) for label in labels.to_list()]
        return [codes[label] for label in labels.to_list()]

    def kind(self) -> LabelKind:
        """What the labels are.

        Raises:
            RecordsError: `data.too_many_labels` for a column with another value in nearly every row,
                `data.mixed_labels` when some are lists and some are not.
        """
        if self._forced is not None:
            return self._forced
        if self._seen == 0:
            return "none"
        if self._lists == self._seen:
            return "categories"
        if self._lists:
            raise RecordsError(
                "data.mixed_labels", file=self._file, column=self._column, lists=self._lists, rows=self._seen
            )
        if self._numbers == self._seen and (self._fractions or self._overflow or len(self._codes) > _MANY_NUMBERS):
            return "number"
        if self._overflow or (self._seen >= 200 and len(self._codes) > self._seen * 0.9):
            raise self._too_many()
        return "category"

    def _too_many(self) -> RecordsError:
        return RecordsError(
            "data.too_many_labels", file=self._file, column=self._column, found=len(self._codes), rows=self._seen
        )


def hash_of(label: str) -> int:
    """A stable 64-bit hash of a string."""
    import xxhash

    return int(xxhash.xxh3_64_intdigest(label.encode()))


def typed_labels(labels: pl.Series, kind: LabelKind) -> pl.Series:
    """Label strings as what they are: String, List[String] or Float64 (null where they are missing or no number)."""
    plain = canonical_labels(labels, kind)
    if kind == "number":
        numbers = plain.cast(pl.Float64, strict=False)
        return pl.select(pl.when(numbers.is_finite()).then(numbers)).to_series().rename(labels.name)
    if kind == "categories":
        return plain.str.json_decode(pl.List(pl.String))
    return plain


def label_names(labels: Sequence[str], kind: LabelKind) -> list[str]:
    """The classes in a set of canonical labels, sorted."""
    if kind == "categories":
        return sorted({name for label in labels for name in json.loads(label)})
    return sorted(set(labels)) if kind == "category" else []
