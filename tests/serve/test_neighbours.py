from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest

from homefield.serve.neighbours import Neighbours
from homefield.serve.products import Products
from homefield.ship.evidence import DIMENSIONS, FEW, principal_axes


def among(vectors: np.ndarray) -> Neighbours:
    rows = {"text": [f"t{i}" for i in range(len(vectors))], "label": ["a"] * len(vectors)}
    frame = pl.DataFrame({**rows, "source": "records.csv", "row": list(range(1, len(vectors) + 1))})
    bundle: Any = SimpleNamespace(
        evidence_vectors=lambda: vectors.astype(np.float16),
        evidence_axes=lambda: principal_axes(vectors),
        evidence_rows=lambda: frame,
    )
    return Neighbours(bundle, Products())


def clustered(rows: int, width: int) -> np.ndarray:
    random = np.random.default_rng(0)
    centres = random.normal(size=(50, width))
    return (centres[random.integers(50, size=rows)] + 0.4 * random.normal(size=(rows, width))).astype(np.float32)


@pytest.mark.parametrize(("rows", "width"), [(5, 8), (FEW, 2 * DIMENSIONS), (4 * FEW, DIMENSIONS), (4 * FEW, 384)])
def test_the_nearest_rows_are_found(rows: int, width: int) -> None:
    vectors = clustered(rows, width)
    queries = clustered(200, width)
    places, similarities = among(vectors).search(queries, 3)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = (queries / np.linalg.norm(queries, axis=1, keepdims=True)) @ unit.T
    best = np.argsort(-cosines, axis=1)[:, :3]
    recall = np.mean([len(set(a) & set(b)) / 3 for a, b in zip(best.tolist(), places.tolist(), strict=True)])
    assert recall > 0.95
    np.testing.assert_allclose(similarities, np.take_along_axis(cosines, places, axis=1), atol=2e-3)
    assert (np.diff(similarities, axis=1) <= 0).all()


def test_evidence_names_text_file_and_row() -> None:
    vectors = clustered(20, 8)
    found = among(vectors).nearest(vectors[4:5], 2)[0]
    assert (found[0].text, found[0].source, found[0].row) == ("t4", "records.csv", 5)
    assert found[0].similarity == pytest.approx(1.0, abs=1e-2)


def test_fewer_rows_than_asked_and_none_at_all() -> None:
    vectors = clustered(2, 8)
    assert len(among(vectors).nearest(vectors, 5)[0]) == 2
    assert among(np.empty((0, 8), np.float32)).nearest(vectors, 5) == [(), ()]
