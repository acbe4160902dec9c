"""What only a graph must show: it finds nearly all of the nearest, and damage before the library reads it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from homefield.errors import CallError
from homefield.index import GRAPH_FROM, ExactIndex, GraphIndex, index_for
from homefield.index.graph import SMALL


def test_beyond_a_small_size_it_finds_nearly_all_of_the_nearest() -> None:
    vectors = np.random.default_rng(0).normal(size=(2 * SMALL, 16)).astype(np.float32)
    exact, graph = ExactIndex(16), GraphIndex(16)
    for index in (exact, graph):
        index.add(np.arange(len(vectors)), vectors)
        index.remove(np.arange(0, len(vectors), 5))
    queries = np.random.default_rng(1).normal(size=(100, 16))
    right, found = exact.search(queries, 10).ids, graph.search(queries, 10).ids
    shares = [len(set(one) & set(other)) / 10 for one, other in zip(right.tolist(), found.tolist(), strict=True)]
    assert np.mean(shares) > 0.95
    assert not (found % 5 == 0).any()


def test_a_damaged_graph_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "graph.safetensors"
    index = GraphIndex(4)
    index.add(np.arange(4), np.eye(4))
    index.save(file)
    arrays = load_file(file)
    arrays["graph"] = arrays["graph"][::-1].copy()
    save_file(arrays, file)
    with pytest.raises(CallError) as caught:
        GraphIndex.load(file)
    assert caught.value.code == "index.unreadable"


def test_few_vectors_are_all_compared_and_many_lie_in_a_graph() -> None:
    assert isinstance(index_for(4, GRAPH_FROM - 1), ExactIndex)
    assert isinstance(index_for(4, GRAPH_FROM), GraphIndex)
