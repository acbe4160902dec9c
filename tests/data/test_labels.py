from __future__ import annotations

import polars as pl
import pytest

from homefield.data.dataset import LabelKind
from homefield.data.labels import MAX_LABELS, LabelCounter, canonical_labels, is_missing, label_names, typed_labels
from homefield.errors import RecordsError


def kind_of(labels: list[str], forced: LabelKind | None = None) -> LabelKind:
    counter = LabelCounter(forced, "records.csv", "label")
    for start in range(0, len(labels), 700):
        counter.add(canonical_labels(pl.Series(labels[start : start + 700])))
    return counter.kind()


@pytest.mark.parametrize("label", ["", " ", "nan", "NaN", "null", "NULL", "#N/A", "n/a", None])
def test_missing_labels_are_missing(label: str | None) -> None:
    assert is_missing(label)
    assert canonical_labels(pl.Series([label], dtype=pl.String)).to_list() == [None]


@pytest.mark.parametrize("label", ["none", "NA", "无", "0", "否"])
def test_labels_that_say_something_are_not(label: str) -> None:
    assert not is_missing(label)


def test_labels_are_trimmed_and_numbers_from_tables_made_whole() -> None:
    labels = pl.Series([" a  b ", "1.0", "2", "-3.00", "2.5", "é"])
    assert canonical_labels(labels).to_list() == ["a b", "1", "2", "-3", "2.5", "é"]


def test_lists_are_sorted_and_have_no_doubles() -> None:
    labels = pl.Series(['["b", "a", "b"]', "[]", '["x", 1]', "[not json"])
    assert canonical_labels(labels).to_list() == ['["a", "b"]', "[]", '["1", "x"]', "[not json"]


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        (["a", "b", "a"], "category"),
        (["0", "1", "1"] * 200, "category"),
        (["1", "2", "3", "4", "5"] * 100, "category"),
        (["1.0", "2.0", "1.0"], "category"),
        (["0.5", "1.25", "3"], "number"),
        ([str(number) for number in range(1000)], "number"),
        (['["a"]', '["a", "b"]', "[]"], "categories"),
        (["1", "2", "x"], "category"),
    ],
)
def test_the_kind_is_decided_over_all_labels(labels: list[str], kind: LabelKind) -> None:
    assert kind_of(labels) == kind


def test_a_late_fraction_makes_them_numbers_and_a_late_word_does_not() -> None:
    assert kind_of([str(number % 50) for number in range(5000)] + ["0.5"]) == "number"
    assert kind_of([str(number % 50) for number in range(5000)] + ["many"]) == "category"


def test_the_kind_can_be_forced() -> None:
    assert kind_of(["1", "2"], "number") == "number"
    assert typed_labels(pl.Series(["1", "x", None, "inf"]), "number").to_list() == [1.0, None, None, None]
    assert typed_labels(pl.Series(["a;b", "c", '["d"]', None]), "categories").to_list() == [
        ["a", "b"],
        ["c"],
        ["d"],
        None,
    ]
    assert typed_labels(pl.Series(["0.5", "1.0"]), "category").to_list() == ["0.5", "1"]


def test_a_column_of_texts_is_not_a_label() -> None:
    with pytest.raises(RecordsError, match=r"the column label has 500 different values in 500 rows"):
        kind_of([f"text {number}" for number in range(500)])
    with pytest.raises(RecordsError, match="does not look like a label"):
        kind_of([f"text {number // 2}" for number in range(3 * MAX_LABELS)])


def test_too_many_labels_are_told_at_once_not_at_the_end() -> None:
    counter = LabelCounter(None, "records.csv", "note")
    with pytest.raises(RecordsError, match="the column note has"):
        counter.add(pl.Series([f"text {number}" for number in range(MAX_LABELS + 1)]))


def test_more_numbers_than_labels_can_be_are_numbers() -> None:
    assert kind_of([str(number) for number in range(MAX_LABELS + 500)]) == "number"


def test_lists_and_single_labels_together_are_refused() -> None:
    with pytest.raises(RecordsError, match=r"holds lists in 1 of 2 rows"):
        kind_of(["a", '["b"]'])


def test_codes_index_the_names() -> None:
    counter = LabelCounter(None, "records.csv", "label")
    codes = counter.add(pl.Series(["b", "a", "b"])) + counter.add(pl.Series(["c", "a"]))
    assert [counter.names[code] for code in codes] == ["b", "a", "b", "c", "a"]
    assert label_names(counter.names, "category") == ["a", "b", "c"]
    assert label_names(['["b", "a"]', '["c"]', "[]"], "categories") == ["a", "b", "c"]
    assert label_names(["1"], "number") == []
