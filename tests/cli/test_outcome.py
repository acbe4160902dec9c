"""Results for people and for programs."""

from __future__ import annotations

import datetime
import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from homefield.cli.amounts import percent, seconds, size
from homefield.cli.face import Face
from homefield.cli.outcome import Outcome, Table, as_json, print_outcome
from homefield.plain import plain


@dataclass(frozen=True)
class Point:
    x: float
    where: Path


def test_everything_becomes_plain_json() -> None:
    document = {
        "path": Path("/a"),
        "numpy": np.float32(0.5),
        "array": np.arange(3),
        "nan": math.nan,
        "inf": [math.inf],
        "set": {"b", "a"},
        "day": datetime.date(2025, 3, 1),
        "point": Point(1.0, Path("b")),
        1: (True, None),
    }
    assert json.loads(as_json(document)) == {
        "path": "/a",
        "numpy": 0.5,
        "array": [0, 1, 2],
        "nan": None,
        "inf": [None],
        "set": ["a", "b"],
        "day": "2025-03-01",
        "point": {"x": 1.0, "where": "b"},
        "1": [True, None],
    }
    assert plain("主场") == "主场"


OUTCOME = Outcome(
    document={"made": "data"},
    title="Made [data]",
    facts=[("Where", "/a/very/long/" + "folder/" * 20)],
    tables=[Table(["Name", "Rows"], [["a", "1"], ["主场", "20"]], right=[1])],
    notes=["A note."],
    next_steps=["homefield finetune --data '[x]'"],
)


def test_people_get_title_facts_tables_and_next_steps(capsys: pytest.CaptureFixture[str]) -> None:
    print_outcome(OUTCOME, Face())
    out = capsys.readouterr().out
    for part in ("✓ Made [data]", "/a/very/long/", "主场", "A note.", "What next", "  homefield finetune --data '[x]'"):
        assert part in out


def test_programs_get_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    print_outcome(OUTCOME, Face(json=True))
    assert json.loads(capsys.readouterr().out) == {"made": "data"}


def test_an_answer_that_is_no_is_marked(capsys: pytest.CaptureFixture[str]) -> None:
    print_outcome(Outcome({}, title="Worse", answer=1), Face())
    assert "✗ Worse" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (2.3e7, "23.0 MB"), (5e12, "5000.0 GB")]
)
def test_sizes(count: float, said: str) -> None:
    assert size(count) == said


@pytest.mark.parametrize(("span", "said"), [(8.24, "8.2 s"), (185, "3 min 05 s"), (7800, "2 h 10 min")])
def test_spans(span: float, said: str) -> None:
    assert seconds(span) == said


def test_shares() -> None:
    assert percent(0.932) == "93.2 %"
    assert percent(None) == "–"
    assert percent(math.nan) == "–"
