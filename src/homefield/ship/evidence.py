"""The training rows a model carries with it, so that each answer can show what it rests on."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from homefield.data.dataset import Dataset

__all__ = ["evidence_rows", "kept_places"]

ROWS = 50_000


def kept_places(labels: pl.Series, rows: int = ROWS) -> NDArray[np.int64]:
    """The places of at most `rows` rows, ascending: all of them, or an equal share of each label, evenly spaced.

    Rare labels keep all their rows before frequent ones get more than their share.
    """
    total = len(labels)
    if total <= rows:
        return np.arange(total, dtype=np.int64)
    names = labels.list.join("\x1f") if labels.dtype == pl.List(pl.String) else labels.cast(pl.String)
    codes = names.fill_null("").rank("dense").to_numpy().astype(np.int64) - 1
    counts = np.bincount(codes)
    if len(counts) > rows // 4:  # numbers, or sets of labels that are nearly all different
        return np.linspace(0, total - 1, rows).astype(np.int64)
    share, left = np.zeros_like(counts), rows
    for place, code in enumerate(np.argsort(counts, kind="stable")):
        share[code] = min(counts[code], left // (len(counts) - place))
        left -= int(share[code])
    found = []
    for code, count in enumerate(share):
        places = np.flatnonzero(codes == code)
        if count:
            found.append(places[np.linspace(0, len(places) - 1, int(count)).astype(np.int64)])
    return np.sort(np.concatenate(found)).astype(np.int64)


def evidence_rows(dataset: Dataset, frame: pl.DataFrame) -> pl.DataFrame:
    """`text`, `label` (as one text), `source` (file name), `row` of rows of a split."""
    names = {index: str(source.get("file", index)) for index, source in enumerate(dataset.manifest.sources)}
    label = frame["label"]
    shown = label.list.join(", ") if label.dtype == pl.List(pl.String) else label.cast(pl.String)
    return pl.DataFrame(
        {
            "text": frame["text"],
            "label": shown.fill_null(""),
            "source": frame["source"].cast(pl.Int64).replace_strict(names, default="", return_dtype=pl.String),
            "row": frame["row"].cast(pl.Int64),
        }
    )
