"""Models that several test folders ask: each made once a session, by the real export."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from homefield.bundle import Bundle, open_bundle
from homefield.data.dataset import Dataset
from homefield.events import Event
from homefield.serve import Predictor
from homefield.ship import export
from homefield.train.run import Run

from .runs import make_dataset, make_pair_dataset, make_pair_run, make_run

_KINDS = {
    "cut": ("category", "top:1", 0.1, 0),
    "twin": ("category", "top:1", None, 1),
    "sets": ("categories", "all", 0.3, 0),
    "number": ("number", "head", None, 0),
}


@dataclass(frozen=True)
class Made:
    """A model, what it was made from, and what was told meanwhile."""

    dataset: Dataset
    run: Run
    bundle: Bundle
    told: list[Event]

    def predictor(self, **options: Any) -> Predictor:
        return Predictor(self.bundle, threads=1, **options)


@cache
def made(folder: Path, name: str) -> Made:
    kind, how, risk, head_seed = _KINDS[name]
    data = _dataset(folder, kind)
    run = make_run(folder / f"run-{name}", data, how=how, head_seed=head_seed)
    told: list[Event] = []
    export(run, folder / f"model-{name}", risk=risk, threads=1, listen=told.append)
    return Made(data, run, open_bundle(folder / f"model-{name}"), told)


@cache
def _dataset(folder: Path, kind: str) -> Dataset:
    return make_dataset(folder / f"data-{kind}", kind=kind, count=600)


@cache
def made_of_pairs(folder: Path, labelled: bool) -> Made:
    name = "labelled" if labelled else "plain"
    data = make_pair_dataset(folder / f"pairs-{name}", labelled=labelled)
    run = make_pair_run(folder / f"run-{name}", data, how="all" if labelled else "top:1")
    told: list[Event] = []
    risk = 0.3 if labelled else None
    export(run, folder / f"model-{name}", risk=risk, threads=1, listen=told.append)
    return Made(data, run, open_bundle(folder / f"model-{name}"), told)


@pytest.fixture(scope="session")
def matching(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Vectors, from pairs labelled same or different; with a risk budget of 30 %."""
    return made_of_pairs(tmp_path_factory.getbasetemp(), True)


@pytest.fixture(scope="session")
def partners(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Vectors, from pairs that are all the same; the last of two blocks trained."""
    return made_of_pairs(tmp_path_factory.getbasetemp(), False)


@pytest.fixture(scope="session")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Categories; the last of two blocks trained, with a risk budget of 10 %."""
    return made(tmp_path_factory.getbasetemp(), "cut")


@pytest.fixture(scope="session")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """As `cut`, another run on the same frozen layers."""
    return made(tmp_path_factory.getbasetemp(), "twin")


@pytest.fixture(scope="session")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Several categories a text; trained whole."""
    return made(tmp_path_factory.getbasetemp(), "sets")


@pytest.fixture(scope="session")
def number(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A number a text; the head alone trained."""
    return made(tmp_path_factory.getbasetemp(), "number")
