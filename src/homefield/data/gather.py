"""The first pass of `prepare`: every row read, judged by itself, cleaned and put aside."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
import xxhash

from homefield.data.blocks import Block
from homefield.data.clean import clean_column, clean_text
from homefield.data.labels import LabelCounter, canonical_labels
from homefield.data.language import LANGUAGES, languages_of
from homefield.data.near import NearIndex
from homefield.data.options import PrepareOptions
from homefield.data.pairs import DIFFERENT, SAME, as_same
from homefield.data.read import Source
from homefield.data.schema import customer_columns
from homefield.data.spill import Spill
from homefield.data.times import parse_times
from homefield.events import Event, Listener

__all__ = ["Gathered", "gather"]

SHOWN_CHARACTERS = 32_000  # of a rejected text; a cell of Excel holds 32,767
_NOTHING = r"^(?i:nan|null|#n/a|<na>)$"
_JOIN = "\x1f"  # between the parts of a row's content; cleaning leaves none in a text


@dataclass
class Gathered:
    """What the first pass learned besides the rows themselves.

    rows: rows read from each source; live: rows of each source not rejected; the test file is the last source.
    """

    labels: LabelCounter
    rows: list[int] = field(default_factory=list)
    live: list[int] = field(default_factory=list)
    masked: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    first_rejected: dict[str, tuple[int, int, str]] = field(default_factory=dict)
    changed: int = 0


def gather(
    sources: Sequence[Source],
    columns: Mapping[str, str],
    options: PrepareOptions,
    spill: Spill,
    near: NearIndex,
    listen: Listener,
    forgotten: Container[str] = (),
) -> Gathered:
    """Read every source into `spill` and `near`, without the rows of customers who are `forgotten`.

    The binary columns of `spill` are `source`, `row`, `text_key` and `id` (uint64 hashes), `label` (int32 codes),
    `number` (float64), `language` (uint8), `length` (int32), `prefer` (uint64), `time` (int64 microseconds) and
    `group` (uint64), as far as there are such roles.
    """
    target = _target(list(columns))
    gathered = Gathered(LabelCounter(options.label_kind, sources[0].path, columns[target] if target else "-"))
    for index, source in enumerate(sources):
        listen(Event("stage", "data.stage.read", values={"file": source.path.name}))
        customers = customer_columns(source.columns, columns) if forgotten else []
        wanted = list(dict.fromkeys([*columns.values(), *customers]))
        rows = live = 0
        for block in source.blocks(wanted):
            rows += block.rows
            live += _take(index, block.without(customers, forgotten), columns, options, spill, near, gathered)
            listen(Event("advance", "data.stage.read", done=rows))
        gathered.rows.append(rows)
        gathered.live.append(live)
    return gathered


def _take(
    index: int,
    block: Block,
    columns: Mapping[str, str],
    options: PrepareOptions,
    spill: Spill,
    near: NearIndex,
    gathered: Gathered,
) -> int:
    """Judge one block; returns how many of its rows live."""
    frame = block.frame.select(pl.col(column).alias(role) for role, column in columns.items()).with_columns(
        pl.lit(index, pl.Int32).alias("source"), block.numbers.alias("row")
    )
    frame = _judged(frame, options, gathered)
    rejected = pl.concat([
        frame.filter(pl.col("reason").is_not_null()).select("source", "row", "text", "reason", "detail"),
        _unread(index, block, options.mask),
    ])  # fmt: skip
    live = frame.filter(pl.col("reason").is_null()).drop("reason", "detail")
    for reason, count in rejected["reason"].value_counts().iter_rows():
        gathered.reasons[reason] += count
    for source, row, text, reason, _ in rejected.unique("reason", keep="first").iter_rows():
        gathered.first_rejected.setdefault(reason, (source, row, text[:80]))
    _spill_numbers(live, options, spill, gathered)
    texts = live["text"].to_list()
    near.add(
        [text for pair in zip(texts, live["other"].to_list(), strict=True) for text in pair]
        if "other" in live.columns
        else texts
    )
    spill.add_block(live, rejected.sort("row", maintain_order=True))
    return live.height


def _judged(frame: pl.DataFrame, options: PrepareOptions, gathered: Gathered) -> pl.DataFrame:
    """`frame` cleaned, with `language`, and `reason` and `detail` (null for a row that lives)."""
    texts = [name for name in ("text", "other") if name in frame.columns]
    # A text that cannot become short enough by cleaning is not worth cleaning.
    hopeless = pl.any_horizontal([pl.col(name).str.len_chars() > options.max_characters * 10 for name in texts])
    frame = frame.with_columns(hopeless=hopeless.fill_null(False))
    characters = frame["text"].str.len_chars()
    for name in texts:
        cut = pl.when("hopeless").then(pl.col(name).str.head(SHOWN_CHARACTERS)).otherwise(name)
        before = frame.select(cut.alias(name))[name]
        after, masked = clean_column(before, mask=options.mask)
        gathered.masked.update(masked)
        gathered.changed += int((before.fill_null("") != after).sum())
        frame = frame.with_columns(after.alias(name))
    frame = frame.with_columns(languages_of(frame["text"]))
    if (target := _target(frame.columns)) is not None:
        labels = canonical_labels(frame[target], None if target == "same" else options.label_kind)
        frame = frame.with_columns(as_same(labels) if target == "same" else labels)
    if "time" in frame.columns:
        frame = frame.with_columns(parse_times(frame["time"]))
    length = (
        pl.when("hopeless")
        .then(characters)
        .otherwise(pl.max_horizontal([pl.col(name).str.len_chars() for name in texts]))
    )
    frame = frame.with_columns(length=length.cast(pl.Int64))
    judged = frame.with_columns(_reason(frame.columns, options).alias("reason"))
    long = pl.concat_str(pl.lit('{"found":'), "length", pl.lit(f',"limit":{options.max_characters}}}'))
    foreign = pl.concat_str(pl.lit('{"found":"'), "language", pl.lit('"}'))
    reason = pl.col("reason")
    detail = pl.when(reason == "too_long").then(long).when(reason == "language").then(foreign).otherwise(pl.lit("{}"))
    return judged.with_columns(detail.alias("detail")).drop("hopeless", "length")


def _reason(columns: Sequence[str], options: PrepareOptions) -> pl.Expr:
    """The first thing wrong with a row, null when nothing is."""
    texts = [pl.col(name) for name in ("text", "other") if name in columns]
    rules: list[tuple[str, pl.Expr]] = [
        ("empty", pl.any_horizontal([(text == "") | text.str.contains(_NOTHING) for text in texts])),
        ("too_long", pl.col("length") > options.max_characters),
    ]
    if (target := _target(columns)) is not None:
        rules.append(("no_label", pl.col(target).is_null()))
        if target == "same":
            rules.append(("not_same", ~pl.col(target).is_in([SAME, DIFFERENT])))
        elif options.label_kind == "number":
            rules.append(("not_number", ~pl.col(target).cast(pl.Float64, strict=False).is_finite().fill_null(False)))
    if options.languages:
        rules.append(("language", ~pl.col("language").is_in(list(options.languages))))
    if options.split == "time":
        rules.append(("no_time", pl.col("time").is_null()))
    chosen = pl.lit(None, dtype=pl.String)
    for name, wrong in reversed(rules):
        chosen = pl.when(wrong).then(pl.lit(name)).otherwise(chosen)
    return chosen


def _unread(index: int, block: Block, mask: Collection[str]) -> pl.DataFrame:
    """The rows that could not be read, as rejected rows, what is shown of them masked like any text."""
    faults = block.faults
    return pl.DataFrame(
        {
            "source": [index] * len(faults),
            "row": [row for row, _, _ in faults],
            "text": [clean_text(shown[:SHOWN_CHARACTERS], mask=mask) for _, _, shown in faults],
            "reason": [fault.reason for _, fault, _ in faults],
            "detail": [json.dumps(dict(fault.values), ensure_ascii=False) for _, fault, _ in faults],
        },
        schema={"source": pl.Int32, "row": pl.Int64, "text": pl.String, "reason": pl.String, "detail": pl.String},
    )


def _spill_numbers(live: pl.DataFrame, options: PrepareOptions, spill: Spill, gathered: Gathered) -> None:
    content = (
        live["text"]
        if "other" not in live.columns
        else live.select(pl.concat_str("text", "other", separator=_JOIN))["text"]
    )
    target = _target(live.columns)
    spill.add("source", live["source"].cast(pl.UInt16).to_numpy())
    spill.add("row", live["row"].cast(pl.UInt32).to_numpy())
    spill.add("text_key", _hashes(content))
    if target is None:
        spill.add("id", _hashes(content))
    else:
        labelled = pl.DataFrame([content.alias("content"), live[target].alias("label")])
        spill.add("id", _hashes(labelled.select(pl.concat_str("content", "label", separator=_JOIN)).to_series()))
        spill.add("label", np.array(gathered.labels.add(live[target]), dtype=np.int32))
        spill.add("number", live[target].cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy())
    codes = live["language"].replace_strict(LANGUAGES, range(len(LANGUAGES)), return_dtype=pl.UInt8)
    spill.add("language", codes.to_numpy())
    spill.add("length", live["text"].str.len_chars().cast(pl.Int32).to_numpy())
    extra = [
        name for name in live.columns if name not in ("source", "row", "text", "other", "label", "same", "language")
    ]
    if "time" in extra:
        times = live["time"].cast(pl.Int64).fill_null(np.iinfo(np.int64).min).to_numpy()
        spill.add("time", times)
        if options.split == "time":  # of equal rows the oldest stays
            spill.add("prefer", times.astype(np.uint64) + np.uint64(1 << 63))
    if extra and options.split != "time":
        joined = live.select(
            pl.concat_str([pl.col(name).cast(pl.String).fill_null("") for name in extra], separator=_JOIN)
        )
        spill.add("prefer", _hashes(joined.to_series()))
    if "group" in extra:
        # A row without a group stands alone: its group is its content.
        own = live.with_columns(content.alias("content")).select(
            pl.coalesce(pl.col("group"), pl.concat_str(pl.lit(_JOIN), "content"))
        )
        spill.add("group", _hashes(own.to_series()))


def _target(columns: Sequence[str]) -> str | None:
    """The column that is learned: the label, or whether a pair is the same."""
    return next((name for name in ("label", "same") if name in columns), None)


def _hashes(texts: pl.Series) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """XXH3 of every string: stable across machines and versions, unlike Polars' own hash."""
    digest = xxhash.xxh3_64_intdigest
    return np.array([digest(text.encode()) for text in texts.to_list()], dtype=np.uint64)
