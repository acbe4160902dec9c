"""Rows and classes one by one: the worst mistakes, every class, and parts of the rows."""

from __future__ import annotations

from markupsafe import Markup

from homefield.evaluate.mistakes import Mistake
from homefield.evaluate.report.material import ReportData, metric_name, span, value_of
from homefield.pages import Column, Section, Text, count, disclosure, meter, percent, say, section, table
from homefield.pages.document import breakable

__all__ = ["classes_section", "mistakes_section", "slices_section"]

MANY, WEAKEST = 24, 16  # of more classes than these only so many are shown at once
FIRST = 12  # mistakes shown at once; the rest open at a click


def mistakes_section(data: ReportData) -> Section | None:
    """The surest mistakes with the training rows near them."""
    found = data.assessment.mistakes
    if not found:
        return None
    number = data.assessment.output == "number"
    parts = [_mistakes(found[:FIRST], number=number)]
    if len(found) > FIRST:
        parts.append(
            disclosure(say("report.more_mistakes", count=len(found) - FIRST), _mistakes(found[FIRST:], number=number))
        )
    lead = say("report.mistakes_lead_number" if number else "report.mistakes_lead")
    return section(say("report.mistakes"), *parts, anchor="mistakes", lead=lead)


def classes_section(data: ReportData) -> Section | None:
    """Every class, the worst first, with its rows in training."""
    found = data.assessment.classes
    if not found:
        return None
    most = max((one.training or 0 for one in found), default=0)
    columns = [Column(say("report.class")), Column(say("report.training_rows"), "number"), Column("")]
    columns += [Column(say("report.rows_here"), "number"), Column(metric_name("precision"), "number")]
    columns += [Column(metric_name("recall"), "number"), Column("F1", "number"), Column("")]
    rows: list[list[Text | Markup]] = [
        [
            one.label,
            "–" if one.training is None else count(one.training),
            meter((one.training or 0) / most if most else 0.0, "muted"),
            count(one.rows),
            percent(one.precision, 0),
            percent(one.recall, 0),
            percent(one.f1, 0),
            meter(one.f1 or 0.0, "accent"),
        ]
        for one in sorted(found, key=lambda one: (one.f1 is None, one.f1 or 0.0))
    ]
    shown = rows if len(rows) <= MANY else rows[:WEAKEST]
    parts = [table(columns, shown)]
    if len(rows) > len(shown):
        parts.append(
            disclosure(say("report.more_classes", count=len(rows) - len(shown)), table(columns, rows[WEAKEST:]))
        )
    return section(say("report.classes"), *parts, anchor="classes", lead=say("report.classes_lead"))


def slices_section(data: ReportData) -> Section | None:
    """The metric by language and by length."""
    found = data.assessment
    if len(found.slices) < 2:
        return None
    metric = "rmse" if found.output == "number" else found.metric
    columns = [Column(say("report.part")), Column(say("report.rows"), "number")]
    columns += [Column(metric_name(metric), "number"), Column(say("report.interval"), "number")]
    rows: list[list[Text | Markup]] = [
        [
            say(f"report.language.{one.name}") if one.kind == "language" else say("report.length", range=one.name),
            count(one.rows),
            value_of(metric, one.value),
            span(metric, (one.low, one.high)),
        ]
        for one in found.slices
    ]
    return section(say("report.slices"), table(columns, rows), anchor="slices", lead=say("report.slices_lead"))


def _mistakes(found: tuple[Mistake, ...], *, number: bool) -> Markup:
    columns = [Column(say("report.text"), "wide"), Column(say("report.true")), Column(say("report.predicted"))]
    if not number:
        columns.append(Column(say("report.confidence"), "number"))
    columns.append(Column(say("report.near"), "wide"))
    rows = []
    for one in found:
        row: list[Text | Markup] = [_text(one), one.true, one.predicted]
        if not number:
            row.append(percent(one.confidence))
        row.append(_near(one))
        rows.append(row)
    return table(columns, rows)


def _text(one: Mistake) -> Markup:
    place = Markup('<br><span class="aside">{}</span>').format(one.place) if one.place else ""
    flag = Markup('<br><span class="flag">{}</span>').format(say("report.suspected")) if one.suspected else ""
    return Markup("{}{}{}").format(one.text, place, flag)


def _near(one: Mistake) -> Markup:
    return Markup('<ul class="near">{}</ul>').format(
        Markup("").join(
            Markup('<li>{} <span class="aside">{}\u00a0·\u00a0{}</span></li>').format(
                near.text, breakable(near.label), f"{near.similarity:.2f}"
            )
            for near in one.nearest
        )
    )
