from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from homefield.data.duplicates import CONFLICT, KEPT, MERGED, resolve

ROWS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 3), st.integers(0, 2)), max_size=60)


def arrays(rows: list[tuple[int, int, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    table = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return table[:, 0].astype(np.uint64), table[:, 1], table[:, 2].astype(np.uint64)


@given(ROWS)
def test_of_each_text_the_majority_label_keeps_one_row_and_takes_in_its_equals(
    rows: list[tuple[int, int, int]],
) -> None:
    texts, labels, prefer = arrays(rows)
    verdicts = resolve(texts, labels, prefer=prefer)
    for text in set(texts.tolist()):
        members = np.flatnonzero(texts == text)
        votes = Counter(labels[members].tolist()).most_common()
        undecided = len(votes) > 1 and votes[0][1] == votes[1][1]
        for row in members:
            if undecided or labels[row] != votes[0][0]:
                assert (verdicts.status[row], verdicts.into[row]) == (CONFLICT, -1)
        if not undecided:
            chosen = members[labels[members] == votes[0][0]]
            kept = chosen[verdicts.status[chosen] == KEPT]
            assert len(kept) == 1
            assert prefer[kept[0]] == prefer[chosen].min()
            others = chosen[chosen != kept[0]]
            assert (verdicts.status[others] == MERGED).all()
            assert (verdicts.into[others] == kept[0]).all()


@given(ROWS)
def test_numbers_do_not_contradict_each_other(rows: list[tuple[int, int, int]]) -> None:
    texts, labels, _ = arrays(rows)
    verdicts = resolve(texts, labels, contradictions=False)
    assert not (verdicts.status == CONFLICT).any()
    kept = np.flatnonzero(verdicts.status == KEPT)
    assert sorted(zip(texts[kept], labels[kept], strict=True)) == sorted(set(zip(texts, labels, strict=True)))


def test_unlabelled_rows_are_merged_by_their_text_alone() -> None:
    verdicts = resolve(np.array([5, 7, 5], dtype=np.uint64), None)
    assert verdicts.status.tolist() == [KEPT, KEPT, MERGED]
    assert verdicts.into.tolist() == [-1, -1, 0]


def test_no_rows_at_all_have_no_duplicates() -> None:
    texts, labels, prefer = arrays([])
    verdicts = resolve(texts, labels, prefer=prefer)
    assert (len(verdicts.status), len(verdicts.into)) == (0, 0)
