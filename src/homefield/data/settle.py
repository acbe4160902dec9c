"""Between the two passes of `prepare`: what becomes of each live row, decided from a few numbers a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from homefield.data.dataset import SPLITS, LabelKind
from homefield.data.duplicates import IN_TEST, KEPT, LINKED, resolve
from homefield.data.near import NearIndex
from homefield.data.options import PrepareOptions
from homefield.data.spill import Spill
from homefield.data.split import link, split_by_time, split_stratified
from homefield.events import Event, Listener

__all__ = ["Settled", "settle"]

_TEST = SPLITS.index("test")
_LARGEST_LINKED = 0.1  # share of rows that near-duplicates and owners together may link into one


@dataclass(frozen=True)
class Settled:
    """What became of N live rows, M of them kept.

    status: [N] uint8, as in `duplicates.Verdicts` (which row a merged one went into is the spilled column `into`),
        `IN_TEST` for rows of train that stand in the test file, `LINKED` for rows that would put nearly the same text
        of several owners on several sides.
    kept: [M] integers, the kept rows in the order of their ids; split, near: [M], aligned with it.
    leaked: [L] integers, the rows that are `IN_TEST`; twins: [L], a row of the test file in the same near group.
    exact: [L] bool, whether the whole text (but for case and punctuation) stands in the test file.
    """

    status: NDArray[np.uint8]
    kept: NDArray[np.integer]
    split: NDArray[np.uint8]
    near: NDArray[np.int32]
    leaked: NDArray[np.integer]
    twins: NDArray[np.integer]
    exact: NDArray[np.bool_]


def settle(
    spill: Spill,
    near: NearIndex,
    *,
    from_test: int,
    kind: LabelKind,
    pairs: bool,
    strata_of: NDArray[np.int64] | None,
    options: PrepareOptions,
    listen: Listener,
) -> Settled:
    """Merge, resolve, group and split the rows of `spill`; rows from number `from_test` on are the test file's.

    strata_of: [codes], the stratum of each label code; None when there is no label to spread by.
    """
    listen(Event("stage", "data.stage.duplicates"))
    status = _resolved(spill, from_test, kind)
    kept = _in_order_of_ids(spill, np.flatnonzero(status == KEPT))
    listen(Event("stage", "data.stage.near", total=len(kept)))
    groups = _near_groups(spill, near, kept, pairs=pairs)
    in_test = kept >= from_test
    leaked: NDArray[np.integer] = np.zeros(0, dtype=np.int64)
    twins: NDArray[np.integer] = leaked
    exact = np.zeros(0, dtype=bool)
    if in_test.any():
        first_twin = np.full(int(groups.max()) + 1, -1, dtype=np.int64)
        first_twin[groups[in_test][::-1]] = kept[in_test][::-1]
        gone = ~in_test & (first_twin[groups] >= 0)
        leaked, twins = kept[gone], first_twin[groups[gone]]
        status[leaked] = IN_TEST
        keys = _text_keys(spill, pairs=pairs)
        exact = np.isin(keys[leaked], keys[kept[in_test]])
        kept, groups, in_test = kept[~gone], groups[~gone], in_test[~gone]
    listen(Event("stage", "data.stage.split", total=len(kept)))
    split = np.full(len(kept), _TEST, dtype=np.uint8)
    stays = np.ones(len(kept), dtype=bool)
    split[~in_test], stays[~in_test] = _split(
        spill, kept[~in_test], groups[~in_test], kind, strata_of, options, with_test=bool(in_test.any())
    )
    status[kept[~stays]] = LINKED
    return Settled(status, kept[stays], split[stays], groups[stays], leaked, twins, exact)


def _resolved(spill: Spill, from_test: int, kind: LabelKind) -> NDArray[np.uint8]:
    """Exact duplicates and contradictions, within the records and within the test file; `into` is put aside."""
    texts, labels, prefer = spill.load("text_key"), _labels(spill, kind), spill.load("prefer")
    status = np.zeros(len(texts), dtype=np.uint8)
    for part in (slice(0, from_test), slice(from_test, len(texts))):
        verdicts = resolve(
            texts[part],
            None if labels is None else labels[part],
            prefer=prefer[part] if len(prefer) else None,
            contradictions=kind != "number",
        )
        status[part] = verdicts.status
        spill.add("into", np.where(verdicts.into >= 0, verdicts.into + verdicts.into.dtype.type(part.start), -1))
    return status


def _in_order_of_ids(spill: Spill, rows: NDArray[np.int64]) -> NDArray[np.integer]:
    """Rows sorted by the hash of their content; four bytes each, where that is enough."""
    order = np.argsort(spill.load("id")[rows], kind="stable")
    return rows[order] if spill.live >= 1 << 31 else rows.astype(np.int32)[order]


def _labels(spill: Spill, kind: LabelKind) -> NDArray[np.integer] | None:
    if kind == "number":
        return spill.load("number").view(np.int64)
    labels = spill.load("label")
    return labels if len(labels) else None


def _near_groups(spill: Spill, near: NearIndex, kept: NDArray[np.integer], *, pairs: bool) -> NDArray[np.int32]:
    if not pairs:
        return near.groups(kept, lambda rows: spill.texts(rows)[0])
    first = kept.astype(np.int64) * 2
    nodes = np.stack((first, first + 1), axis=1).ravel()  # the index holds text, other, text, other, ...

    def fetch(rows: NDArray[np.integer]) -> list[str]:
        both = zip(*spill.texts(rows // 2, ("text", "other")), strict=True)
        return [pair[row % 2] for pair, row in zip(both, rows.tolist(), strict=True)]

    texts = near.groups(nodes, fetch).reshape(-1, 2)
    # A row links the group of its text with the group of its other text.
    row_of = np.repeat(np.arange(len(kept)), 2)
    return link(row_of, texts.ravel())[::2]


def _text_keys(spill: Spill, *, pairs: bool) -> NDArray[np.uint64]:
    keys = spill.load("near_key")
    return keys[::2] if pairs else keys


def _split(
    spill: Spill,
    kept: NDArray[np.integer],
    groups: NDArray[np.int32],
    kind: LabelKind,
    strata_of: NDArray[np.int64] | None,
    options: PrepareOptions,
    *,
    with_test: bool,
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """The split of each kept row, and whether the row can stay there."""
    shares: Mapping[str, float] = options.shares_for(with_test)
    everyone = np.ones(len(kept), dtype=bool)
    if options.split == "time":
        return split_by_time(spill.load("time")[kept], groups, shares)[0], everyone
    ids, strata = spill.load("id")[kept], _strata(spill, kept, kind, strata_of)
    owners = spill.load("group")
    if len(owners) == 0:
        return split_stratified(ids, groups, strata, shares, options.seed), everyone
    owners = link(owners[kept])
    linked = link(groups, owners)
    if _largest(linked) <= max(_LARGEST_LINKED, 2 * _largest(owners)):
        return split_stratified(ids, linked, strata, shares, options.seed), everyone
    # Greetings that everybody writes link all customers into one. Then customers alone are split, and of nearly
    # identical texts those stay that are on the side with most of them.
    split = split_stratified(ids, owners, strata, shares, options.seed)
    votes = np.zeros((int(groups.max(initial=-1)) + 1, len(SPLITS)), dtype=np.int32)
    np.add.at(votes, (groups, split), 1)
    return split, votes.argmax(axis=1)[groups] == split


def _largest(groups: NDArray[np.integer]) -> float:
    """The share of rows in the largest group."""
    return float(np.bincount(groups).max(initial=0) / max(len(groups), 1))


def _strata(
    spill: Spill, kept: NDArray[np.integer], kind: LabelKind, strata_of: NDArray[np.int64] | None
) -> NDArray[np.int32]:
    """What is to be spread evenly: the label, of a number its tenth by rank (equal numbers stay in one tenth)."""
    if kind == "number":
        numbers = spill.load("number")[kept]
        ranks = np.searchsorted(np.sort(numbers), numbers)
        return np.asarray(ranks * 10 // max(len(ranks), 1), dtype=np.int32)
    if strata_of is None:
        return np.zeros(len(kept), dtype=np.int32)
    return np.asarray(strata_of.astype(np.int32)[spill.load("label")[kept]], dtype=np.int32)
