"""What every index must do, each implementation in turn; a new one is added to `KINDS`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from homefield.errors import CallError
from homefield.index import ExactIndex, GraphIndex, VectorIndex
from homefield.messages import Language

KINDS: list[type[VectorIndex]] = [ExactIndex, GraphIndex]
pytestmark = pytest.mark.parametrize("kind", KINDS)


def filled(kind: type[VectorIndex], rows: int = 200, width: int = 8) -> tuple[VectorIndex, np.ndarray]:
    vectors = np.random.default_rng(0).normal(size=(rows, width)).astype(np.float32)
    index = kind(width)  # type: ignore[call-arg]
    index.add(np.arange(rows) * 10, vectors)
    return index, vectors


def test_a_vector_finds_itself_first(kind: type[VectorIndex]) -> None:
    index, vectors = filled(kind)
    found = index.search(vectors, 3)
    assert found.ids[:, 0].tolist() == (np.arange(200) * 10).tolist()
    np.testing.assert_allclose(found.similarities[:, 0], 1.0, atol=1e-3)


def test_similarities_are_cosines_and_fall(kind: type[VectorIndex]) -> None:
    index, vectors = filled(kind)
    queries = np.random.default_rng(1).normal(size=(5, 8))
    found = index.search(queries, 10)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = (queries / np.linalg.norm(queries, axis=1, keepdims=True)) @ unit.T
    np.testing.assert_allclose(found.similarities, -np.sort(-cosines, axis=1)[:, :10], atol=1e-3)
    assert (np.diff(found.similarities, axis=1) <= 0).all()


def test_more_than_there_are_gives_what_there_are(kind: type[VectorIndex]) -> None:
    index, vectors = filled(kind, rows=3)
    assert index.search(vectors, 10).ids.shape == (3, 3)


def test_an_empty_index_finds_nothing(kind: type[VectorIndex]) -> None:
    index = kind(4)  # type: ignore[call-arg]
    found = index.search(np.ones((2, 4)), 5)
    assert len(index) == 0
    assert found.ids.shape == found.similarities.shape == (2, 0)


def test_no_queries_find_nothing(kind: type[VectorIndex]) -> None:
    index, _ = filled(kind)
    assert index.search(np.empty((0, 8)), 5).ids.shape == (0, 5)


def test_a_known_number_gets_the_new_vector(kind: type[VectorIndex]) -> None:
    index, vectors = filled(kind)
    index.add(np.array([10, 9_999]), np.stack([-vectors[1], vectors[1]]))
    found = index.search(vectors[1:2], 1)
    assert len(index) == 201
    assert found.ids.tolist() == [[9_999]]


def test_adding_in_pieces_is_adding_at_once(kind: type[VectorIndex]) -> None:
    index, vectors = filled(kind)
    pieces = kind(8)  # type: ignore[call-arg]
    for start in range(0, 200, 7):
        pieces.add(np.arange(start, min(start + 7, 200)) * 10, vectors[start : start + 7])
    queries = np.random.default_rng(2).normal(size=(20, 8))
    assert (pieces.search(queries, 5).ids == index.search(queries, 5).ids).all()


def test_saved_and_loaded_it_finds_the_same(kind: type[VectorIndex], tmp_path: Path) -> None:
    index, vectors = filled(kind)
    index.save(tmp_path / "vectors.safetensors")
    again = kind.load(tmp_path / "vectors.safetensors")
    first, second = index.search(vectors, 5), again.search(vectors, 5)
    assert len(again) == len(index)
    assert again.width == 8
    assert (first.ids == second.ids).all()
    np.testing.assert_allclose(first.similarities, second.similarities, atol=1e-6)


def test_what_is_removed_is_not_found_and_the_rest_is(kind: type[VectorIndex], tmp_path: Path) -> None:
    index, vectors = filled(kind)
    assert index.remove(np.array([10, 10, 50, 7])) == 2
    index.save(tmp_path / "vectors.safetensors")
    for each in (index, kind.load(tmp_path / "vectors.safetensors")):
        found = each.search(vectors, 198)
        assert len(each) == 198
        assert not np.isin(found.ids, [10, 50]).any()
        kept = np.delete(np.arange(200), [1, 5])
        assert found.ids[kept, 0].tolist() == (kept * 10).tolist()
    index.add(np.array([10]), vectors[1:2])
    assert index.search(vectors[1:2], 1).ids.tolist() == [[10]]


def test_everything_removed_is_an_empty_index(kind: type[VectorIndex]) -> None:
    index, vectors = filled(kind, rows=5)
    assert index.remove(np.arange(5) * 10) == 5
    assert index.search(vectors, 3).ids.shape == (5, 0)
    assert index.remove(np.array([10])) == 0


def test_a_vector_of_zeros_is_similar_to_nothing(kind: type[VectorIndex]) -> None:
    index, vectors = filled(kind)
    index.add(np.array([5]), np.zeros((1, 8)))
    np.testing.assert_allclose(index.search(np.zeros((1, 8)), 3).similarities, 0.0)
    assert 5 not in index.search(vectors[:1], 3).ids


@pytest.mark.parametrize("bad", [np.ones((2, 7)), np.ones(8), np.ones((1, 2, 8))])
def test_the_wrong_width_is_refused(kind: type[VectorIndex], bad: np.ndarray) -> None:
    index, _ = filled(kind)
    with pytest.raises(CallError, match="Expected rows of 8 numbers"):
        index.search(bad, 1)
    with pytest.raises(CallError) as caught:
        index.add(np.arange(len(bad)), bad)
    assert caught.value.code == "index.width"
    assert len(index) == 200


def test_a_number_that_is_none_is_refused_naming_the_row(kind: type[VectorIndex]) -> None:
    index, vectors = filled(kind)
    vectors[4, 2] = np.nan
    with pytest.raises(CallError, match="row 5"):
        index.add(np.arange(200), vectors)
    with pytest.raises(CallError, match="row 5"):
        index.search(vectors, 1)


def test_one_number_for_two_vectors_is_refused(kind: type[VectorIndex]) -> None:
    index, vectors = filled(kind)
    with pytest.raises(CallError, match="2 different numbers for 2 vectors, got 1"):
        index.add(np.array([7, 7]), vectors[:2])


def test_what_is_no_index_is_refused(kind: type[VectorIndex], tmp_path: Path, language: Language) -> None:
    file = tmp_path / "other.safetensors"
    with pytest.raises(CallError) as missing:
        kind.load(file)
    file.write_bytes(b"no index")
    with pytest.raises(CallError) as damaged:
        kind.load(file)
    assert [missing.value.code, damaged.value.code] == ["index.missing", "index.unreadable"]
    assert str(file) in missing.value.what(language)
    assert str(file) in damaged.value.what(language)


@given(vectors=arrays(np.float64, (6, 3), elements=st.floats(-1e300, 1e300)), count=st.integers(-1, 9))
def test_any_finite_vectors_give_cosines(kind: type[VectorIndex], vectors: np.ndarray, count: int) -> None:
    index = kind(3)  # type: ignore[call-arg]
    index.add(np.arange(6), vectors)
    found = index.search(vectors, count)
    assert found.ids.shape == (6, max(0, min(count, 6)))
    assert (np.abs(found.similarities) <= 1 + 1e-5).all()
    assert all(len(set(row)) == len(row) for row in found.ids.tolist())
