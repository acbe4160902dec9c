"""What is unlike the training data scores high, what is like it as promised, with many rows a class or ten."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from homefield.evaluate.calibration import Output
from homefield.evaluate.metrics import auroc
from homefield.evaluate.unknown import UnknownModel, fit_unknown

WIDTH = 32


class World:
    """Classes as clouds in a space; a few classes are never trained on."""

    def __init__(self, classes: int = 12, seed: int = 0) -> None:
        self.random = np.random.default_rng(seed)
        self.classes = classes
        self.middles = self.random.normal(0, 1.6, (classes + 3, WIDTH))

    def rows(
        self, each: int, first: int, last: int
    ) -> tuple[NDArray[np.float16], NDArray[np.float32], NDArray[np.int64]]:
        targets = np.repeat(np.arange(first, last), each)
        vectors = self.middles[targets] + self.random.normal(0, 1, (len(targets), WIDTH))
        known = self.middles[: self.classes]
        logits = vectors @ known.T - np.square(known).sum(axis=1) / 2
        return vectors.astype(np.float16), (0.3 * logits).astype(np.float32), targets

    def fitted(self, each: int) -> UnknownModel:
        vectors, _, targets = self.rows(each, 0, self.classes)
        seen, logits, _ = self.rows(20, 0, self.classes)
        return fit_unknown(
            vectors, targets, output="category", size=self.classes, validation_vectors=seen, validation_logits=logits
        )


@pytest.mark.parametrize(("each", "least"), [(100, 0.95), (10, 0.90)])
def test_rows_of_a_class_never_seen_are_told_from_known_ones(each: int, least: float) -> None:
    world = World()
    model = world.fitted(each)
    known, known_logits, _ = world.rows(30, 0, world.classes)
    strange, strange_logits, _ = world.rows(60, world.classes, world.classes + 3)
    scores = np.concatenate([model.score(known, known_logits), model.score(strange, strange_logits)])
    found = auroc(scores, np.arange(len(scores)) >= len(known))
    assert found is not None
    assert found >= least


def test_a_score_is_the_share_of_ordinary_rows_that_are_less_unusual() -> None:
    world = World()
    model = world.fitted(100)
    vectors, logits, _ = world.rows(200, 0, world.classes)
    scores = model.score(vectors, logits)
    assert scores.min() >= 0
    assert scores.max() <= 1
    for share in (0.5, 0.9, 0.99):
        assert (scores > share).mean() == pytest.approx(1 - share, abs=0.08)


def test_what_is_far_from_everything_scores_one() -> None:
    world = World()
    model = world.fitted(50)
    far = np.full((3, WIDTH), 30.0, dtype=np.float32)
    assert (model.score(far, np.zeros((3, world.classes), dtype=np.float32)) == 1.0).all()


def test_it_is_the_same_after_a_file(tmp_path: Path) -> None:
    world = World()
    model = world.fitted(20)
    save_file(model.arrays, tmp_path / "unknown.safetensors")
    again = UnknownModel.of(load_file(tmp_path / "unknown.safetensors"), "category")
    vectors, logits, _ = world.rows(5, 0, world.classes)
    assert (again.score(vectors, logits) == model.score(vectors, logits)).all()


def test_vectors_may_be_mapped_and_rows_without_a_known_class_do_no_harm(tmp_path: Path) -> None:
    world = World()
    vectors, logits, targets = world.rows(30, 0, world.classes)
    np.save(tmp_path / "vectors.npy", vectors)
    targets[::7] = -1
    targets[targets == 3] = -1
    model = fit_unknown(
        np.load(tmp_path / "vectors.npy", mmap_mode="r"),
        targets,
        output="category",
        size=world.classes,
        validation_vectors=vectors,
        validation_logits=logits,
    )
    assert len(model.means) == world.classes - 1
    assert np.isfinite(model.score(vectors, logits)).all()


@pytest.mark.parametrize("output", ["categories", "number"])
def test_it_works_for_sets_and_for_numbers(output: Output) -> None:
    world = World()
    vectors, logits, targets = world.rows(30, 0, world.classes)
    truth: NDArray[Any] = targets.astype(np.float64)
    if output == "categories":
        truth = np.eye(world.classes, dtype=np.float32)[targets]
        truth[:, 0] = 1
        truth[5] = 0
    else:
        logits = logits[:, :1]
    model = fit_unknown(
        vectors, truth, output=output, size=world.classes, validation_vectors=vectors, validation_logits=logits
    )
    scores = model.score(vectors, logits)
    far = np.full((2, WIDTH), 30.0, dtype=np.float32)
    assert np.median(scores) == pytest.approx(0.5, abs=0.1)
    assert (model.score(far, logits[:2]) >= 0.99).all()


def test_one_text_is_scored_in_a_fraction_of_a_millisecond() -> None:
    random = np.random.default_rng(0)
    vectors, targets = random.normal(size=(2000, 384)).astype(np.float32), random.integers(0, 77, 2000)
    logits = random.normal(size=(500, 77)).astype(np.float32)
    model = fit_unknown(
        vectors, targets, output="category", size=77, validation_vectors=vectors[:500], validation_logits=logits
    )
    times = []
    for row in range(200):
        began = time.perf_counter()
        model.score(vectors[row : row + 1], logits[row : row + 1])
        times.append(time.perf_counter() - began)
    assert np.median(times) < 0.4e-3  # 0.1 ms on an idle machine


def test_without_rows_there_is_nothing_to_fit() -> None:
    empty, one = np.empty((0, 4)), np.ones((1, 4))
    for vectors, seen in ((empty, one), (one, empty)):
        with pytest.raises(ValueError, match="needs training rows and validation rows"):
            fit_unknown(
                vectors,
                np.zeros(len(vectors), dtype=np.int64),
                output="category",
                size=2,
                validation_vectors=seen,
                validation_logits=np.zeros((len(seen), 2)),
            )
