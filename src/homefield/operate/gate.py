"""The truth gate: what has to hold before a version goes into use.

Its forms answer alike; it beats the classical baseline; and against the version in use the lower 95 % limit of the
paired difference, on the same rows, is above minus the margin. A gate is a list of checks with their numbers, so that
an application can put its own checks through the same door.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from homefield.bundle import Bundle
from homefield.data.dataset import open_dataset
from homefield.errors import CallError
from homefield.evaluate.alike import DROP, TOLERANCE, alike
from homefield.evaluate.assessment import plain
from homefield.evaluate.significance import Difference
from homefield.events import Listener, silent
from homefield.messages import Language, text
from homefield.operate.judge import MARGIN, Verdict, judge
from homefield.operate.matching import MatchVerdict, judge_match

__all__ = ["MARGIN", "Check", "Gate", "alike_check", "judge_model", "records_in"]

_SHARES = ("category", "categories")


@dataclass(frozen=True)
class Check:
    """One thing that has to hold. key: `gate.<key>.yes` and `.no` say it, filled with `values`.

    difference: where two are compared; points: whether it is one of shares, told in percentage points.
    """

    key: str
    passed: bool
    values: Mapping[str, object]
    difference: Difference | None = None
    points: bool = True

    def sentence(self, language: Language) -> str:
        """What was found, in words."""
        values = dict(self.values)
        if self.difference is not None:
            scale = 100 if self.points else 1
            numbers = [f"{scale * value:+.2f}" for value in _numbers(self.difference)]
            shown = dict(zip(("mean", "low", "high"), numbers, strict=True))
            values["difference"] = text(f"gate.{'points' if self.points else 'plain'}", language, **shown)
        if "metric" in values:
            values["metric"] = text(f"report.metric.{values['metric']}", language)
        if isinstance(drop := values.get("drop"), float):
            values["int8"] = text(f"gate.int8_{'costs' if drop >= 0 else 'gains'}", language, points=f"{abs(drop):.2f}")
        return text(f"gate.{self.key}.{'yes' if self.passed else 'no'}", language, **values)

    def as_json(self) -> dict[str, Any]:
        """One JSON object."""
        difference = None if self.difference is None else plain(self.difference.as_json())
        return {"check": self.key, "passed": self.passed, "difference": difference, **plain(self.values)}


@dataclass(frozen=True)
class Gate:
    """What was found for a version. against: the version in use it was compared with; rows: how many, of `source`."""

    checks: tuple[Check, ...]
    against: int | None
    rows: int
    source: str

    @property
    def passed(self) -> bool:
        """Whether all of it holds."""
        return all(check.passed for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        """One JSON object."""
        return {
            "passed": self.passed,
            "against": self.against,
            "rows": self.rows,
            "source": self.source,
            "checks": [check.as_json() for check in self.checks],
        }


def judge_model(
    model: Bundle,
    champion: Bundle | None,
    rows: Path,
    *,
    columns: Mapping[str, str] | None = None,
    margin: float = MARGIN,
    threads: int | None = None,
    listen: Listener = silent,
) -> Gate:
    """Put a model through the gate, on records with the right answers that it was not trained on.

    champion: the version in use, None for the first. rows: a file, or a dataset folder, whose test split it then is.
    margin: how much worse than the champion it may be, in units of the metric.

    Raises:
        CallError: `gate.no_test`; `judge.outputs`: the champion is for another task; as `judge`.
        RecordsError: the records cannot be used.
    """
    judging = judge_match if model.manifest.output == "vector" else judge
    found: Verdict | MatchVerdict = judging(
        model.path,
        records_in(rows),
        columns=columns,
        against=None if champion is None else champion.path,
        threads=threads,
        listen=listen,
    )
    checks = [alike_check(model), _beats_baseline(found, model.manifest.output in _SHARES)]
    if champion is not None:
        checks.append(_not_worse(found, margin, model.manifest.output in _SHARES))
    against = None if champion is None else champion.manifest.version
    return Gate(tuple(checks), against, found.assessment.rows, rows.name)


def records_in(rows: Path) -> Path:
    """The file to judge on: itself, or the test split of a dataset folder.

    Raises:
        CallError: `gate.no_test`; as `homefield.data.dataset.open_dataset`.
    """
    if not rows.is_dir():
        return rows
    if not open_dataset(rows).manifest.splits["test"]["rows"]:
        raise CallError("gate.no_test", path=rows)
    return rows / "test.parquet"


def alike_check(model: Bundle) -> Check:
    """Whether the forms of a model answer alike, as was measured when it was made."""
    parity = model.manifest.parity
    int8 = parity.get("int8", {})
    values = {
        "gap": f"{parity.get('fp32', float('nan')):.2g}",
        "drop": round(100 * int8.get("drop", float("nan")), 2),
        "tolerance": f"{TOLERANCE:g}",
        "allowed": f"{100 * DROP:g}",
    }
    return Check("alike", alike(parity), values)


def _beats_baseline(found: Verdict | MatchVerdict, points: bool) -> Check:
    """Better on these rows. Not: proven better, which few rows cannot do for anybody; the interval stands beside it."""
    difference = found.assessment.difference
    if difference is None and isinstance(found, MatchVerdict):
        return Check("one_kind", False, {"rows": found.assessment.rows})
    if difference is None:
        return Check("no_baseline", False, {})
    values = {"metric": found.assessment.metric, "rows": found.assessment.rows}
    return Check("baseline", difference.mean > 0, values, difference, points)


def _not_worse(found: Verdict | MatchVerdict, margin: float, points: bool) -> Check:
    assert found.against is not None
    difference = found.against.difference
    shown = f"{100 * margin:g}" if points else f"{margin:g}"
    values = {"champion": found.against.model, "rows": found.assessment.rows, "margin": shown}
    return Check("champion", difference.low > -margin, values, difference, points)


def _numbers(difference: Difference) -> tuple[float, float, float]:
    return difference.mean, difference.low, difference.high
