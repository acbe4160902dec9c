"""`homefield evaluate`: how good a model is on records with the right answers, and against another one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from homefield.cli.amounts import percent
from homefield.cli.command import argument, command, option
from homefield.cli.commands.finetune import written
from homefield.cli.face import Face
from homefield.cli.outcome import Outcome, Table
from homefield.cli.records import column_option
from homefield.cli.values import Name, Place, pairs

if TYPE_CHECKING:
    from homefield.evaluate.assessment import Measured
    from homefield.evaluate.significance import Difference
    from homefield.operate.judge import Verdict
    from homefield.operate.matching import MatchVerdict

__all__ = ["describe", "evaluate", "shown_verdict"]

METRICS = {
    "category": ("accuracy", "precision_macro", "recall_macro", "f1_macro", "auroc_macro", "log_loss", "brier", "ece"),
    "categories": (
        "f1_micro",
        "precision_micro",
        "recall_micro",
        "f1_macro",
        "exact",
        "auroc_macro",
        "log_loss",
        "ece",
    ),
    "number": ("r2", "rmse", "mae"),
    "vector": ("mrr", "recall_1", "recall_5", "recall_10", "auc", "accuracy"),
}


@command("evaluate")
@argument("model", key="model", metavar="MODEL")
@argument("file", key="labelled", type=Place(), metavar="FILE")
@column_option
@option("--against", key="against", type=Name(), metavar="MODEL")
@option("--report", key="report", type=Place(), metavar="FILE")
def evaluate(
    face: Face,
    model: str,
    file: Path,
    columns: tuple[tuple[str, str], ...],
    against: str | None,
    report: Path | None,
) -> Outcome:
    """Call `homefield.api.evaluate` and show what came of it."""
    from homefield import api

    roles = pairs(columns, "--column")
    verdict = api.evaluate(model, file, columns=roles, against=against, workspace=face.workspace, listen=face.listen)
    if report is not None:
        verdict.write_report(report, language=face.language)
    return shown_verdict(verdict, face, report)


def shown_verdict(verdict: Verdict | MatchVerdict, face: Face, report: Path | None = None) -> Outcome:
    """What was found, whichever kind of model it was found for."""
    from homefield.operate.matching import MatchVerdict

    if isinstance(verdict, MatchVerdict):
        return describe_match(verdict, face, report)
    return describe(verdict, face, report)


def describe_match(verdict: MatchVerdict, face: Face, report: Path | None = None) -> Outcome:
    """How vectors do at finding and telling apart, beside counted words and the other model."""
    say, found = face.say, verdict.assessment
    columns = [(say("evaluate.model"), found.model)]
    if verdict.against is not None:
        columns.append((verdict.against.model, verdict.against.measured))
    columns += [(say(f"evaluate.{name}"), measured) for name, measured in found.rivals.items()]
    skipped = ", ".join(f"{say(f'evaluate.skipped_{reason}')} {rows:,}" for reason, rows in verdict.skipped.items())
    asked = found.model.numbers
    facts = [
        (say("evaluate.rows"), f"{found.rows:,}"),
        (say("evaluate.skipped"), skipped),
        (say("evaluate.asked"), say("evaluate.among", queries=asked["queries"], candidates=asked["candidates"])),
        (
            say("evaluate.beside_baseline", rival=say(f"evaluate.{found.rival or 'tfidf'}")),
            _standing(found.difference, found.verdict, face, "number"),
        ),
        (say("evaluate.report"), str(report) if report else ""),
    ]
    if verdict.against is not None:
        shown = _standing(verdict.against.difference, verdict.against.verdict, face, "number")
        facts.insert(-1, (say("evaluate.beside_model", model=verdict.against.model), shown))
    rows = [
        [say(f"metric.{name}"), *(_cell(name, measured) for _, measured in columns)]
        for name in METRICS["vector"]
        if found.model.numbers.get(name) is not None
    ]
    headings = [say("evaluate.metric"), *(heading for heading, _ in columns)]
    value = written(found.metric, found.headline)
    return Outcome(
        document={**verdict.as_json(), "report": report},
        title=say("evaluate.title", model=verdict.model, metric=say(f"metric.{found.metric}"), value=value),
        facts=[fact for fact in facts if fact[1]],
        tables=[Table(headings, rows, right=range(1, len(headings)))],
        notes=[] if report else [say("evaluate.want_report")],
        answer=int(verdict.worse),
    )


def describe(verdict: Verdict, face: Face, report: Path | None = None) -> Outcome:
    """The numbers, what they must beat, and the other model's on the same rows."""
    say, found = face.say, verdict.assessment
    skipped = ", ".join(f"{say(f'evaluate.skipped_{reason}')} {rows:,}" for reason, rows in verdict.skipped.items())
    facts = [
        (say("evaluate.rows"), f"{found.rows:,}"),
        (say("evaluate.skipped"), skipped),
        (say("evaluate.automatic"), _automatic(verdict, face)),
        (
            say("evaluate.beside_baseline", rival=say("evaluate.tfidf")),
            _standing(found.difference, found.verdict, face, found.output),
        ),
        (say("evaluate.report"), str(report) if report else ""),
    ]
    if verdict.against is not None:
        standing = _standing(verdict.against.difference, verdict.against.verdict, face, found.output)
        facts.insert(-1, (say("evaluate.beside_model", model=verdict.against.model), standing))
    shown = written(found.metric, found.headline)
    title = say("evaluate.title", model=verdict.model, metric=say(f"metric.{found.metric}"), value=shown)
    return Outcome(
        document={**verdict.as_json(), "report": report},
        title=title,
        facts=[fact for fact in facts if fact[1]],
        tables=[_numbers(verdict, face)],
        notes=[] if report else [say("evaluate.want_report")],
        answer=int(verdict.worse),
    )


def _numbers(verdict: Verdict, face: Face) -> Table:
    say, found = face.say, verdict.assessment
    columns: list[tuple[str, Measured]] = [(say("evaluate.model"), found.model)]
    if verdict.against is not None:
        columns.append((verdict.against.model, verdict.against.measured))
    columns += [
        (say(f"evaluate.{name}"), measured)
        for name, measured in (("baseline", found.baseline), ("majority", found.majority))
        if measured is not None
    ]
    rows = [
        [say(f"metric.{name}"), *(_cell(name, measured) for _, measured in columns)]
        for name in METRICS[found.output]
        if found.model.numbers.get(name) is not None
    ]
    return Table([say("evaluate.metric"), *(heading for heading, _ in columns)], rows, right=range(1, len(columns) + 1))


def _cell(name: str, measured: Measured) -> str:
    """A number, with its interval where there is one."""
    value = measured.numbers.get(name)
    shown = written(name, value)
    if name not in measured.intervals or value is None:
        return shown
    low, high = measured.intervals[name]
    return f"{shown} ({written(name, low)} … {written(name, high)})"


def _automatic(verdict: Verdict, face: Face) -> str:
    """What the promise of the risk budget came to on these rows."""
    found = verdict.assessment
    if found.risk is None or found.tested is None:
        return ""
    tested = found.tested
    values = {"rate": percent(tested.share), "errors": percent(tested.error_rate), "risk": percent(found.risk.risk)}
    return face.say("evaluate.automatic_found", **values)


def _standing(difference: Difference | None, verdict: str | None, face: Face, output: str) -> str:
    if difference is None or verdict is None:
        return ""
    if output == "number":
        mean, low, high = (f"{value:+.3f}" for value in (difference.mean, difference.low, difference.high))
    else:
        mean, low, high = (f"{100 * value:+.1f}" for value in (difference.mean, difference.low, difference.high))
    key = "difference" if output == "number" else "points"
    return face.say(f"evaluate.{key}", mean=mean, low=low, high=high, verdict=face.say(f"evaluate.{verdict}"))
