"""Small worlds: texts of three classes, a model that confuses two of them, and the rows it learned from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from homefield.evaluate.baselines import Baseline, tfidf_linear
from homefield.evaluate.scored import Scored, TrainingRows

LABELS = ("refund", "return", "快递")
WORDS = (("money", "back", "refund"), ("send", "return", "back"), ("包裹", "快递", "发货"))


@dataclass(frozen=True)
class World:
    """Everything `assess` may be given."""

    training: TrainingRows
    baseline: Baseline
    validation: Scored
    calibration: Scored
    test: Scored


def rows(random: np.random.Generator, count: int) -> tuple[list[str], NDArray[np.int64]]:
    targets = random.integers(0, 3, count)
    return [f"{' '.join(random.choice(WORDS[t], 2))} {random.integers(99)}" for t in targets], targets


def scored(random: np.random.Generator, count: int, *, strength: float = 5.0) -> Scored:
    texts, targets = rows(random, count)
    logits = random.normal(0, 1, (count, 3)) + strength * np.eye(3)[targets]
    mixed = (targets == 0) & (random.random(count) < 0.3)
    logits[mixed, 1] += strength + 2
    return Scored(
        logits=logits.astype(np.float32),
        targets=targets,
        texts=texts,
        vectors=logits.astype(np.float16),
        languages=["zh" if target == 2 else "en" for target in targets],
        places=[f"test.csv:{row + 1}" for row in range(count)],
    )


@pytest.fixture(scope="session")
def world() -> World:
    random = np.random.default_rng(0)
    texts, targets = rows(random, 240)
    training = TrainingRows(texts, targets, (5 * np.eye(3)[targets]).astype(np.float16))
    return World(
        training=training,
        baseline=tfidf_linear(texts, targets, "category", 3),
        validation=scored(random, 200),
        calibration=scored(random, 400),
        test=scored(random, 400),
    )
