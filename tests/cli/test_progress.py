"""Events as bars, lines and JSON objects."""

from __future__ import annotations

import io
import json
import math

import pytest

from homefield.cli.progress import BarProgress, JsonProgress, LineProgress, progress_for
from homefield.events import Event, sentence
from homefield.messages import Language

STAGE = "backbones.caching"


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_what_stderr_is_decides_the_kind() -> None:
    assert isinstance(progress_for("en", as_json=True, stream=Terminal()), JsonProgress)
    assert isinstance(progress_for("en", as_json=False, stream=Terminal()), BarProgress)
    assert isinstance(progress_for("en", as_json=False, stream=io.StringIO()), LineProgress)


def test_lines_come_at_most_every_few_seconds_and_the_last_always() -> None:
    out, clock = io.StringIO(), Clock()
    progress = LineProgress("en", out, clock)
    progress.listen(Event("stage", STAGE, total=1000))
    for done in range(1, 1001):
        clock.now += 0.02
        progress.listen(Event("advance", STAGE, done=done, total=1000))
    lines = out.getvalue().splitlines()
    assert 4 <= len(lines) <= 7
    assert "1,000 / 1,000 (100%)" in lines[-1]


def test_notes_are_never_held_back() -> None:
    out = io.StringIO()
    progress = LineProgress("en", out, Clock())
    for name in "abc":
        progress.listen(Event("note", "files.exists.what", values={"path": name}))
    assert len(out.getvalue().splitlines()) == 3


def test_steps_are_throttled_but_other_numbers_are_not() -> None:
    out, clock = io.StringIO(), Clock()
    progress = LineProgress("en", out, clock)
    for step in range(100):
        progress.listen(Event("metrics", "train.step", values={"step": step}))
    assert len(out.getvalue().splitlines()) == 1


def test_json_lines_are_whole_objects_without_nan() -> None:
    out = io.StringIO()
    progress = JsonProgress("zh", out, Clock())
    progress.listen(Event("note", "files.exists.what", values={"path": "x", "loss": math.nan}))
    (line,) = out.getvalue().splitlines()
    told = json.loads(line)
    assert told["event"] == "note"
    assert told["text"] == "x 已存在且不是空目录。"
    assert told["values"] == {"path": "x", "loss": None}


def test_a_defect_in_a_message_does_not_stop_the_work(language: Language) -> None:
    for key in ("nowhere.at_all", "files.not_there", "files.exists.what"):
        assert key in sentence(Event("note", key, values={"a": 1}), language)


@pytest.mark.parametrize("total", [None, 5])
def test_bars_show_stages_and_leave_a_finished_log(total: int | None) -> None:
    out = Terminal()
    progress = BarProgress("en", out)
    progress.listen(Event("stage", STAGE, total=total))
    for done in range(1, 6):
        progress.listen(Event("advance", STAGE, done=done, total=total))
    progress.listen(Event("note", "files.exists.what", values={"path": "xyz"}))
    progress.listen(Event("stage", "files.exists.what", values={"path": "second"}))
    progress.finish()
    progress.close()
    assert "xyz already exists" in out.getvalue()
    assert "5/5" in out.getvalue()


def test_a_stage_that_told_nothing_is_complete_when_the_next_begins() -> None:
    out = Terminal()
    progress = BarProgress("en", out)
    progress.listen(Event("stage", STAGE, total=647))
    progress.listen(Event("stage", "files.exists.what", values={"path": "second"}))
    progress.close()
    assert "647/647" in out.getvalue()


def test_a_stage_that_was_broken_off_stays_as_far_as_it_came() -> None:
    out = Terminal()
    progress = BarProgress("en", out)
    progress.listen(Event("stage", STAGE, total=647))
    progress.listen(Event("advance", STAGE, done=3, total=647))
    progress.close()
    assert "647/647" not in out.getvalue()


def test_numbers_of_a_step_stand_beside_the_bar(language: Language) -> None:
    out = Terminal()
    progress = BarProgress(language, out)
    progress.listen(Event("stage", STAGE, total=10))
    values = {"step": 1, "epoch": 1, "loss": 0.51234, "samples_per_second": 239.4}
    progress.listen(Event("metrics", "train.step", values=values))
    progress.close()
    assert "0.512" in out.getvalue()
