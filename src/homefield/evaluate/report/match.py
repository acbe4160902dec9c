"""The report of vectors for pairs: how often the right text is found, how well same and different are told apart."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from markupsafe import Markup

from homefield.evaluate.matching import MatchAssessment
from homefield.evaluate.report.curves import curves_section
from homefield.evaluate.report.facts import facts_section
from homefield.evaluate.report.material import gap, metric_name, span, value_of
from homefield.files import write_file
from homefield.messages import Language
from homefield.pages import (
    Axis,
    Bar,
    Both,
    Card,
    Column,
    Section,
    Series,
    Text,
    bars,
    cards,
    count,
    disclosure,
    figure,
    figure_of,
    line,
    notice,
    page,
    percent,
    say,
    section,
    table,
)  # fmt: skip
from homefield.pages.document import Tone

__all__ = ["MatchReport", "render_match_report", "write_match_report"]

_FIRST = 12
_FEWEST = 5
_SHOWN = ("mrr", "recall_1", "recall_5", "recall_10", "auc", "accuracy")
_TONES: Mapping[str, Tone] = {"better": "good", "unproven": "warn", "worse": "bad"}


@dataclass(frozen=True)
class MatchReport:
    """What the report shows; see `ReportData` for the fields beside `assessment`."""

    title: str
    assessment: MatchAssessment
    curves: Sequence[Mapping[str, Any]] = ()
    dataset: Mapping[str, Any] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    created: str = ""


def write_match_report(path: Path, data: MatchReport, *, language: Language | None = None) -> None:
    """Write the report to `path` and the same numbers beside it, as `.json`.

    Raises:
        MachineError: the disk is full or may not be written.
    """
    write_file(path, render_match_report(data, language=language))
    numbers = {
        **{name: getattr(data, name) for name in ("title", "created", "dataset", "recipe", "environment", "seconds")},
        "assessment": data.assessment.as_json(),
        "curves": [dict(row) for row in data.curves],
    }
    write_file(path.with_suffix(".json"), json.dumps(numbers, ensure_ascii=False, indent=1))


def render_match_report(data: MatchReport, *, language: Language | None = None) -> str:
    """The report as one HTML document that shows `language` first."""
    found = data.assessment
    sections = [
        _numbers(found),
        curves_section(data.curves, found.metric),
        _ranks(found),
        _sureness(found),
        _misses(found),
        facts_section(data),
    ]
    parts: list[Section | Markup] = [_cards(found)]
    parts += [part for part in sections if part is not None]
    return page(
        data.title,
        parts,
        language=language,
        kicker=say("report.kicker"),
        lead=_lead(found),
        footer=say("report.footer", created=data.created) if data.created else None,
    )


def _lead(found: MatchAssessment) -> Both:
    numbers = found.model.numbers
    values = {
        "metric": metric_name(found.metric),
        "value": value_of(found.metric, found.headline),
        "interval": span(found.metric, found.interval),
        "queries": count(numbers["queries"]),
        "candidates": count(numbers["candidates"]),
        "rows": count(found.rows),
    }
    kind = "views" if found.views else found.metric
    whole = say(f"report.match.lead_{kind}", **values)
    if found.rival is None or found.difference is None:
        return whole
    beside = say(
        f"report.match.lead_{found.verdict}",
        rival=say(f"report.match.{found.rival}"),
        gap=gap(found.metric, found.difference.mean),
        low=gap(found.metric, found.difference.low),
        high=gap(found.metric, found.difference.high),
    )
    return Both(f"{whole.en} {beside.en}", f"{whole.zh}{beside.zh}")


def _cards(found: MatchAssessment) -> Markup:
    numbers, tone = found.model.numbers, _TONES.get(found.verdict or "", "plain")
    value, interval = value_of(found.metric, found.headline), span(found.metric, found.interval)
    shown = [Card(metric_name(found.metric), value, say("report.card_interval", interval=interval), tone)]
    if found.metric != "recall_1" and numbers["recall_1"] is not None:
        words = say("report.match.card_first", candidates=count(numbers["candidates"]))
        shown.append(Card(metric_name("recall_1"), percent(numbers["recall_1"]), words))
    if found.rival is not None:
        rival = found.rivals[found.rival].numbers
        words = say("report.match.card_rival", first=percent(rival["recall_1"]))
        shown.append(Card(say(f"report.match.{found.rival}"), value_of(found.metric, rival[found.metric]), words))
    if found.metric != "auc" and numbers.get("auc") is not None:
        shown.append(Card(metric_name("auc"), figure_of(numbers["auc"]), say("report.match.card_auc")))
    split = say(f"report.split.{found.split}")
    shown.append(Card(say("report.rows"), count(found.rows), say("report.card_rows", split=split)))
    return cards(shown)


def _numbers(found: MatchAssessment) -> Section:
    columns: list[Column | Text] = [Column(say("report.number")), Column(say("report.model"), "number")]
    columns.append(Column(say("report.interval"), "number"))
    columns += [Column(say(f"report.match.{name}"), "number") for name in found.rivals]
    rows: list[list[Text | Markup]] = []
    for metric in _SHOWN:
        if found.model.numbers.get(metric) is None:
            continue
        interval = found.model.intervals.get(metric)
        row: list[Text | Markup] = [metric_name(metric), value_of(metric, found.model.numbers[metric])]
        row.append(span(metric, interval) if interval else "")
        row += [value_of(metric, rival.numbers.get(metric)) for rival in found.rivals.values()]
        rows.append(row)
    parts = [table(columns, rows, note=say("report.match.numbers_note"))]
    if found.views:
        parts.append(notice(say("report.match.views_note"), "warn"))
    return section(say("report.numbers"), *parts, anchor="numbers")


def _ranks(found: MatchAssessment) -> Section | None:
    total = sum(rows for _, rows in found.histogram)
    if total == 0:
        return None
    ends = [str(start - 1) for start, _ in found.histogram[1:]] + [""]
    shown = [
        Bar(str(start) if end == str(start) else f"{start}–{end}", rows / total, percent(rows / total), count(rows))
        for (start, rows), end in zip(found.histogram, ends, strict=True)
    ]
    chart = figure(bars(shown), say("report.match.ranks"), say("report.match.ranks_note"))
    return section(say("report.match.ranks_title"), chart, anchor="ranks")


def _sureness(found: MatchAssessment) -> Section | None:
    bins = [one for one in found.bins if one.rows >= _FEWEST]
    if not bins:
        return None
    curve = Series(
        say("report.this_model"),
        [one.confidence for one in bins],
        [one.accuracy for one in bins],
        dots=True,
        low=[one.accuracy_low for one in bins],
        high=[one.accuracy_high for one in bins],
    )
    across = Axis(say("report.confidence"), 0.5, 1, "percent")
    chart = line([curve], x=across, y=Axis(say("report.share_right"), 0, 1, "percent"), diagonal="muted")
    shown = figure(chart, say("report.reliability"), say("report.reliability_note"))
    return section(say("report.trust"), shown, anchor="trust", lead=say("report.match.trust_lead"))


def _misses(found: MatchAssessment) -> Section | None:
    if not found.misses:
        return None
    columns = [Column(say("report.text"), "wide"), Column(say("report.match.right"), "wide")]
    columns += [Column(say("report.match.rank"), "number"), Column(say("report.match.found"), "wide")]
    rows: list[list[Text | Markup]] = [
        [
            one.text,
            f"{one.right} ({one.right_score:.2f})",
            count(one.rank),
            f"{one.found} ({one.found_score:.2f})",
        ]
        for one in found.misses
    ]
    parts: list[Markup] = [table(columns, rows[:_FIRST])]
    if len(rows) > _FIRST:
        more = say("report.more_mistakes", count=len(rows) - _FIRST)
        parts.append(disclosure(more, table(columns, rows[_FIRST:])))
    lead = say("report.match.misses_lead")
    return section(say("report.match.misses"), *parts, anchor="misses", lead=lead)
