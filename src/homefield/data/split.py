"""Who goes into which split: decided by content and seed alone, whatever the order of the rows.

A *group* (near-duplicates, a customer, a dialogue, or all of these linked together) is never cut. At random, every
label gets its share of rows in every split, as near as whole groups allow; what a small label cannot give is made up by
the next (the remainders are carried), and every label keeps a row in train. By time, train is the oldest and test the
newest.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from homefield.data.dataset import SPLITS

__all__ = ["link", "split_by_time", "split_stratified"]


def link(*groupings: NDArray[np.integer]) -> NDArray[np.int32]:
    """Groups such that rows together in any of the groupings are together: [N] int32, connected components."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    first = np.unique(groupings[0], return_inverse=True)[1].astype(np.int32)
    for grouping in groupings[1:]:
        other = np.unique(grouping, return_inverse=True)[1].astype(np.int32)
        left, right = int(first.max(initial=-1)) + 1, int(other.max(initial=-1)) + 1
        ones = np.ones(len(first), dtype=np.int8)
        graph = coo_matrix((ones, (first, other + left)), shape=(left + right, left + right))
        joined: NDArray[np.int32] = connected_components(graph, directed=False)[1]
        first = joined[first].astype(np.int32)
    return np.asarray(first, dtype=np.int32)


def split_stratified(
    ids: NDArray[np.uint64],
    groups: NDArray[np.integer],
    strata: NDArray[np.integer],
    shares: Mapping[str, float],
    seed: int,
) -> NDArray[np.uint8]:
    """The split of every row, as an index into `SPLITS`: [N] uint8.

    ids: [N] hashes of content, all different; groups: [N]; strata: [N] codes >= 0 of what is to be spread evenly.
    """
    if len(ids) == 0:
        return np.zeros(0, dtype=np.uint8)
    row_group = _dense(groups)
    sizes = np.bincount(row_group)
    stratum = _rarest(row_group, strata, len(sizes))
    keys = np.full(len(sizes), np.iinfo(np.uint64).max, dtype=np.uint64)
    np.minimum.at(keys, row_group, _keyed(ids, seed))
    order = np.lexsort((keys, -sizes, stratum))
    wanted = np.array([shares[name] for name in SPLITS])
    chosen = np.zeros(len(sizes), dtype=np.uint8)
    bounds = np.flatnonzero(np.append(True, stratum[order][1:] != stratum[order][:-1]))
    carry = np.zeros(
        len(SPLITS)
    )  # what rounding took from each split; never more than a row, else it would bend shares
    for start, end in zip(bounds, np.append(bounds[1:], len(order)), strict=True):
        members = order[start:end]
        rows = int(sizes[members].sum())
        allotted = _allot(rows, wanted, carry)
        given = _give(members, sizes, allotted, chosen)
        carry = np.clip(carry + rows * wanted - given, -1, 1)
    _fill_empty(chosen, sizes, stratum, keys, wanted)
    return np.asarray(chosen[row_group], dtype=np.uint8)


def split_by_time(
    times: NDArray[np.int64], groups: NDArray[np.integer], shares: Mapping[str, float]
) -> tuple[NDArray[np.uint8], list[int | None]]:
    """The split of every row by its time, and the last time of each split (None where it has no rows).

    The cuts lie between different times, nearest to the shares. A group goes where its newest row belongs: nothing in a
    split is newer than that split's last time, so the future stays out of the past.
    """
    newest, counts = np.unique(times, return_counts=True)
    upto = np.cumsum(counts)
    ends: list[int | None] = []
    cuts = np.zeros(len(SPLITS), dtype=np.int64)  # index into `newest` after the last time of each split
    total, before = 0.0, 0
    for place, name in enumerate(SPLITS):
        total += shares[name]
        target = total * len(times)
        if shares[name] <= 0:
            cut = before
        elif total >= 1 - 1e-9:
            cut = len(newest)
        else:
            cut = int(np.argmin(np.abs(upto - target))) + 1
            cut = max(cut, before, 1 if name == "train" else 0)
        ends.append(int(newest[cut - 1]) if cut > before else None)
        cuts[place] = before = cut
    row_group = _dense(groups)
    latest = np.full(int(row_group.max(initial=-1)) + 1, np.iinfo(np.int64).min)
    np.maximum.at(latest, row_group, times)
    position = np.searchsorted(newest, latest)
    return np.searchsorted(cuts, position, side="right").astype(np.uint8)[row_group], ends


def _keyed(ids: NDArray[np.uint64], seed: int) -> NDArray[np.uint64]:
    """ids mixed with the seed (splitmix64), so that another seed gives another order."""
    value = ids + np.uint64((seed * 0x9E3779B97F4A7C15 + 0x632BE59BD9B4E019) & 0xFFFFFFFFFFFFFFFF)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        value ^= value >> np.uint64(shift)
        value *= np.uint64(factor)
    value ^= value >> np.uint64(31)
    return value


def _dense(groups: NDArray[np.integer]) -> NDArray[np.integer]:
    """The same groups numbered 0, 1, 2, ... without gaps; they mostly are already."""
    if len(groups) and int(groups.min()) == 0 and int(groups.max()) < 2 * len(groups) and np.bincount(groups).all():
        return groups
    return np.asarray(np.unique(groups, return_inverse=True)[1], dtype=np.int64)


def _rarest(row_group: NDArray[np.integer], strata: NDArray[np.integer], count: int) -> NDArray[np.int32]:
    """The stratum of each group: the rarest among its rows."""
    frequency = np.bincount(strata)
    # Rank strata by rarity (ties by code) so that one minimum finds the rarest and names it.
    by_rarity = np.lexsort((np.arange(len(frequency)), frequency))
    rank = np.empty(len(frequency), dtype=np.int32)
    rank[by_rarity] = np.arange(len(frequency), dtype=np.int32)
    least = np.full(count, len(frequency), dtype=np.int32)
    np.minimum.at(least, row_group, rank[strata])
    return by_rarity.astype(np.int32)[least]


def _allot(rows: int, wanted: NDArray[np.float64], carry: NDArray[np.float64]) -> NDArray[np.int64]:
    """Whole rows for each split, by largest remainder on the shares and what earlier labels were short of."""
    ideal = np.maximum(rows * wanted + np.where(wanted > 0, carry, 0), 0)
    ideal *= rows / ideal.sum() if ideal.sum() > 0 else 1
    result: NDArray[np.int64] = np.floor(ideal + 1e-9).astype(np.int64)
    for place in np.argsort(-(ideal - result), kind="stable")[: rows - int(result.sum())]:
        result[place] += 1
    if result[0] == 0:
        result[int(np.argmax(result))] -= 1
        result[0] = 1
    return result


def _give(
    members: NDArray[np.int64], sizes: NDArray[np.int64], allotted: NDArray[np.int64], chosen: NDArray[np.uint8]
) -> NDArray[np.int64]:
    """Hand the groups of one label (largest first) to the splits that lack most; returns the rows given to each."""
    lacking = allotted.copy()
    single = int(np.searchsorted(-sizes[members], -1))
    for group in members[:single].tolist():
        place = int(np.argmax(lacking))
        chosen[group] = place
        lacking[place] -= sizes[group]
    ones = members[single:]
    lacking = np.maximum(lacking, 0)
    while lacking.sum() > len(ones):
        lacking[int(np.argmax(lacking))] -= 1
    chosen[ones] = np.repeat(np.arange(len(SPLITS), dtype=np.uint8), lacking)
    if len(members) and not (chosen[members] == 0).any():
        chosen[members[-1]] = 0  # a label that train has never seen cannot be learned
    given: NDArray[np.int64] = np.bincount(chosen[members], weights=sizes[members], minlength=len(SPLITS)).astype(
        np.int64
    )
    return given


def _fill_empty(
    chosen: NDArray[np.uint8],
    sizes: NDArray[np.int64],
    stratum: NDArray[np.integer],
    keys: NDArray[np.uint64],
    wanted: NDArray[np.float64],
) -> None:
    """Give a split that should have rows and has none the smallest group of train whose label has others there."""
    for place in np.flatnonzero(wanted > 0).tolist():
        if place == 0 or (chosen == place).any():
            continue
        train = chosen == 0
        spare = np.flatnonzero(train & (np.bincount(stratum[train], minlength=int(stratum.max()) + 1)[stratum] > 1))
        if len(spare):
            chosen[spare[np.lexsort((keys[spare], sizes[spare]))[0]]] = place
