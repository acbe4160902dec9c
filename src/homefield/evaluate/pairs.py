"""Pairs of texts as numbers over their distinct strings, so that each string is read, encoded and kept once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from homefield.data.augment import augment

__all__ = ["PairRows", "distinct", "frame_rows", "pair_rows", "view_rows"]


@dataclass(frozen=True)
class PairRows:
    """N pairs over n distinct strings.

    strings: in the order of first appearance, a row's text before its other. rows: `[N, 3]`, the places of text and
    other among them, and 1 (the same) or 0 (different). labelled: whether the records say which; else all are the same.
    views: there are no pairs, only texts; `text` is the text itself (to be seen twice) or a noisy form of it.
    names: where each string stands first, for people; empty when not known.
    """

    strings: list[str]
    rows: NDArray[np.int64]
    labelled: bool
    views: bool = False
    names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def same(self) -> NDArray[np.bool_]:
        """`[N]`."""
        return np.asarray(self.rows[:, 2] == 1)

    @property
    def others(self) -> list[str]:
        """The distinct `other` strings, in the order of first appearance."""
        return [self.strings[place] for place in _first(self.rows[:, 1])]

    @property
    def others_places(self) -> NDArray[np.int64]:
        """Their places among the strings."""
        return _first(self.rows[:, 1])


def pair_rows(
    texts: Sequence[str], others: Sequence[str], same: Sequence[bool] | None, names: Sequence[str] = ()
) -> PairRows:
    """Pairs of strings as `PairRows`. names: where each row stands."""
    places: dict[str, int] = {}
    where: list[str] = []
    rows = np.ones((len(texts), 3), dtype=np.int64)
    for row, pair in enumerate(zip(texts, others, strict=True)):
        for column, string in enumerate(pair):
            if string not in places:
                places[string] = len(places)
                where.extend([names[row]] if len(names) else [])
            rows[row, column] = places[string]
    if same is not None:
        rows[:, 2] = np.asarray(same, dtype=np.int64)
    return PairRows(list(places), rows, same is not None, False, tuple(where))


def view_rows(texts: Sequence[str], names: Sequence[str] = (), *, noisy: bool) -> PairRows:
    """Texts without pairs: each beside itself or, `noisy`, a form of it with the noise of typing as its `text`.

    The noise follows from the text alone, so that held-out texts are always asked for in the same way.
    """
    once = distinct(texts)
    where: dict[str, str] = dict(zip(reversed(texts), reversed(names), strict=True)) if len(names) else {}
    if noisy:
        forms = [form for (form,) in augment(once)]
        found = pair_rows(forms, once, None, [where.get(text, "") for text in once])
        return PairRows(found.strings, found.rows, False, True, found.names)
    places = np.arange(len(once), dtype=np.int64)
    rows = np.stack([places, places, np.ones_like(places)], axis=1)
    return PairRows(once, rows, False, True, tuple(where.get(text, "") for text in once))


def frame_rows(frame: pl.DataFrame, sources: Sequence[str] = (), *, noisy: bool) -> PairRows:
    """The pairs of a split of a dataset (columns `text`, perhaps `other` and `same`); without `other` its texts."""
    names = [f"{sources[source]}:{row}" for source, row in frame.select("source", "row").iter_rows()] if sources else []
    texts = frame["text"].to_list()
    if "other" not in frame.columns:
        return view_rows(texts, names, noisy=noisy)
    same = frame["same"].to_list() if "same" in frame.columns else None
    return pair_rows(texts, frame["other"].to_list(), same, names)


def distinct(strings: Iterable[str]) -> list[str]:
    """Each string once, in the order of first appearance."""
    return list(dict.fromkeys(strings))


def _first(places: NDArray[np.int64]) -> NDArray[np.int64]:
    found, at = np.unique(places, return_index=True)
    return found[np.argsort(at, kind="stable")]
