"""How far the model can be trusted alone: calibration, and the error rate against the automatic rate."""

from __future__ import annotations

from markupsafe import Markup

from homefield.evaluate.assessment import Assessment
from homefield.evaluate.report.material import ReportData
from homefield.evaluate.risk import fewest_rows
from homefield.pages import (
    Axis,
    Both,
    Mark,
    Section,
    Series,
    count,
    figure,
    figures,
    line,
    notice,
    percent,
    say,
    section,
)

__all__ = ["trust_section"]

FEWEST = 5  # rows below which a stretch of confidence is not drawn


def trust_section(data: ReportData) -> Section | None:
    """Reliability and risk side by side, with the promise made on the calibration split and how it did here."""
    found = data.assessment
    if found.output == "number":
        return _interval(found)
    if not found.bins:
        return None
    shown = figures(
        figure(_reliability(found), say("report.reliability"), say("report.reliability_note")),
        figure(_risk(found), say("report.risk_curve"), say("report.risk_note")),
    )
    return section(say("report.trust"), *_promise(found), shown, anchor="trust", lead=say("report.trust_lead"))


def _reliability(found: Assessment) -> Markup:
    bins = [one for one in found.bins if one.rows >= FEWEST] or list(found.bins)
    sure = [one.confidence for one in bins]
    curve = Series(
        say("report.this_model"),
        sure,
        [one.accuracy for one in bins],
        dots=True,
        low=[one.accuracy_low for one in bins],
        high=[one.accuracy_high for one in bins],
    )
    across = Axis(say("report.confidence"), 0, 1, "percent")
    return line([curve], x=across, y=Axis(say("report.share_right"), 0, 1, "percent"), diagonal="muted")


def _risk(found: Assessment) -> Markup:
    def series(title: Both, points: object, **style: object) -> Series:
        kept = [one for one in points if one.automatic_rate >= 0.02]  # type: ignore[attr-defined]
        return Series(title, [one.automatic_rate for one in kept], [one.error_rate for one in kept], **style)  # type: ignore[arg-type]

    model = series(say("report.this_model"), found.curve)
    drawn = [model]
    if found.baseline_curve:
        drawn.append(series(say("report.baseline"), found.baseline_curve, colour="second", dash=True))
    marks = []
    if found.risk is not None:
        marks.append(Mark(say("report.budget", risk=percent(found.risk.risk, 0)), y=found.risk.risk))
        if found.tested is not None and found.tested.rows:
            marks.append(Mark(say("report.chosen"), x=found.tested.share, y=found.tested.error_rate))
    across = Axis(say("report.automatic_rate"), 0, 1, "percent")
    return line(drawn, x=across, y=Axis(say("report.error_rate"), 0, kind="percent"), marks=marks)


def _promise(found: Assessment) -> list[Markup]:
    if found.risk is None:
        return []
    risk, level = percent(found.risk.risk, 0), percent(1 - found.risk.delta, 0)
    if found.risk.reason is not None:
        needed = count(_needed(found))
        return [
            notice(
                say(
                    f"report.{found.risk.reason.removeprefix('evaluate.')}",
                    risk=risk,
                    rows=count(found.risk.rows),
                    needed=needed,
                ),
                "warn",
            )
        ]
    kept = found.tested is not None and found.tested.error_rate <= found.risk.risk
    words = say(
        "report.promise",
        threshold=f"{found.risk.threshold:.3f}",
        automatic=percent(found.risk.automatic_rate),
        risk=risk,
        level=level,
        bound=percent(found.risk.bound, 2),
        rows=count(found.risk.rows),
    )
    if found.tested is None:
        return [notice(words)]
    seen = say(
        "report.promise_seen",
        automatic=percent(found.tested.share),
        errors=count(found.tested.errors),
        rows=count(found.tested.rows),
        rate=percent(found.tested.error_rate, 2),
    )
    return [notice(Both(f"{words.en} {seen.en}", f"{words.zh}{seen.zh}"), "good" if kept else "warn")]


def _needed(found: Assessment) -> int:
    assert found.risk is not None
    return fewest_rows(found.risk.risk, found.risk.delta)


def _interval(found: Assessment) -> Section | None:
    if found.half_width is None or found.tested is None:
        return None
    inside = found.tested.rows - found.tested.errors
    words = say(
        "report.interval_seen",
        half=f"{found.half_width:.4g}",
        inside=percent(inside / max(1, found.tested.rows)),
        rows=count(found.tested.rows),
    )
    return section(say("report.trust"), notice(words, "good"), anchor="trust", lead=say("report.interval_lead"))
