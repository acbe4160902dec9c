"""The first screen: the verdict in a sentence, the figures that carry it, and what to mend first."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from homefield.evaluate.report.material import ReportData, gap, metric_name, span, value_of
from homefield.pages import Both, Card, Column, Section, Text, cards, count, notice, percent, say, section, table
from homefield.pages.document import Tone

__all__ = ["headline_cards", "lead", "mend_section", "numbers_section"]

_ERRORS = ("auroc_macro", "log_loss", "brier", "ece")
_SHOWN = {
    "category": ("accuracy", "f1_macro", "f1_weighted", "precision_macro", "recall_macro", *_ERRORS),
    "categories": ("f1_micro", "f1_macro", "exact", "precision_micro", "recall_micro", "hamming", *_ERRORS),
    "number": ("r2", "rmse", "mae", "spearman", "bias"),
}
_TONES: Mapping[str, Tone] = {"better": "good", "unproven": "warn", "worse": "bad"}


def lead(data: ReportData) -> Both:
    """The verdict in one sentence."""
    found = data.assessment
    values = {
        "metric": metric_name(found.metric),
        "value": value_of(found.metric, found.headline),
        "interval": span(found.metric, found.interval),
        "rows": count(found.rows),
    }
    if found.difference is None or found.baseline is None:
        return say("report.verdict_alone", **values)
    return say(
        f"report.verdict_{found.verdict}",
        baseline=value_of(found.metric, found.baseline.numbers[found.metric]),
        gap=gap(found.metric, found.difference.mean),
        low=gap(found.metric, found.difference.low),
        high=gap(found.metric, found.difference.high),
        **values,
    )


def headline_cards(data: ReportData) -> Markup:
    """The figures that carry the verdict."""
    found = data.assessment
    shown = [
        Card(
            metric_name(found.metric),
            value_of(found.metric, found.headline),
            say("report.card_interval", interval=span(found.metric, found.interval)),
            _TONES.get(found.verdict or "", "plain"),
        )
    ]
    if found.baseline is not None and found.difference is not None:
        words = say("report.card_difference", gap=gap(found.metric, found.difference.mean))
        value = value_of(found.metric, found.baseline.numbers[found.metric])
        shown.append(Card(say("report.baseline"), value, words))
    if found.majority is not None:
        value = value_of(found.metric, found.majority.numbers[found.metric])
        shown.append(Card(_majority(data), value, say("report.card_majority")))
    if found.risk is not None:
        risk = percent(found.risk.risk, 0 if found.risk.risk >= 0.01 else 1)
        if found.risk.reason is None:
            note = say("report.card_automatic", risk=risk, threshold=f"{found.risk.threshold:.2f}")
            shown.append(Card(say("report.automatic_rate"), percent(found.risk.automatic_rate, 0), note))
        else:
            shown.append(Card(say("report.automatic_rate"), "0%", say("report.card_none", risk=risk), "warn"))
    if found.half_width is not None:
        shown.append(Card(say("report.half_width"), f"± {found.half_width:.3g}", say("report.card_half_width")))
    if found.model.numbers.get("ece") is not None:
        shown.append(Card(metric_name("ece"), percent(found.model.numbers["ece"]), say("report.card_ece")))
    shown.append(Card(say("report.rows"), count(found.rows), say("report.card_rows", split=_split(found.split))))
    return cards(shown)


def numbers_section(data: ReportData) -> Section:
    """Every number beside the baseline's and the majority's."""
    found = data.assessment
    columns: list[Column | Text] = [Column(say("report.number")), Column(say("report.model"), "number")]
    columns.append(Column(say("report.interval"), "number"))
    others = [(say("report.baseline"), found.baseline), (_majority(data), found.majority)]
    columns += [Column(title, "number") for title, one in others if one is not None]
    rows: list[list[Text | Markup]] = []
    for metric in _SHOWN[found.output]:
        if found.model.numbers.get(metric) is None:
            continue
        interval = found.model.intervals.get(metric)
        row: list[Text | Markup] = [metric_name(metric), value_of(metric, found.model.numbers[metric])]
        row.append(span(metric, interval) if interval else "")
        row += [value_of(metric, one.numbers.get(metric)) for _, one in others if one is not None]
        rows.append(row)
    parts = [table(columns, rows, note=say("report.numbers_note"))]
    if found.baseline_rows is not None and found.baseline_rows < (found.baseline_given or 0):
        words = say("report.baseline_sample", rows=count(found.baseline_rows), given=count(found.baseline_given or 0))
        parts.append(notice(words))
    if found.difference is not None:
        parts.append(_paired(data))
    return section(say("report.numbers"), *parts, anchor="numbers")


def mend_section(data: ReportData) -> Section:
    """Advice, most rows at stake first."""
    advice = data.assessment.mend
    if not advice:
        return section(say("report.mend"), notice(say("report.mend_nothing"), "good"), anchor="mend")
    items = Markup("").join(
        Markup("<li>{}</li>").format(say(one.key, **{name: _written(value) for name, value in one.values.items()}))
        for one in advice
    )
    body = Markup('<ol class="steps">{}</ol>').format(items)
    return section(say("report.mend"), body, anchor="mend", lead=say("report.mend_lead"))


def _paired(data: ReportData) -> Markup:
    found = data.assessment
    assert found.difference is not None
    one = found.difference
    if one.only_first is None:
        words = say(
            "report.paired_bootstrap", low=gap(found.metric, one.low), high=gap(found.metric, one.high), p=_p(one.p)
        )
    else:
        words = say(
            "report.paired",
            only_model=count(one.only_first),
            only_baseline=count(one.only_second or 0),
            low=gap(found.metric, one.low),
            high=gap(found.metric, one.high),
            p=_p(one.p),
        )
    return notice(words, _TONES[found.verdict or "unproven"])


def _majority(data: ReportData) -> Both:
    return say("report.mean" if data.assessment.output == "number" else "report.majority")


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"= {value:.3f}"


def _split(name: str) -> Both:
    return say(f"report.split.{name}") if name in ("test", "validation", "calibration", "file") else Both(name, name)


def _written(value: object) -> object:
    return f"{value:,}" if isinstance(value, int) else value
