"""What past dialogues hold, on one page: how many answers cover how much, which are given most, which contradict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from markupsafe import Markup

from homefield.apps.support.exchanges import Exchange
from homefield.apps.support.mine import Mined
from homefield.apps.support.templates import Contradiction, Template
from homefield.files import write_file
from homefield.messages import Language
from homefield.pages import (
    Axis,
    Bar,
    Card,
    Column,
    Mark,
    Section,
    Series,
    Text,
    bars,
    cards,
    count,
    figure,
    figures,
    line,
    notice,
    page,
    paragraph,
    percent,
    say,
    section,
    table,
)

__all__ = ["mine_page", "write_mine_page"]

_STEPS = (20, 40, 60, 100, 200, 500, 1000)
_ROUND = 60  # templates that a company approves in an afternoon: what the headline speaks of
_MOST_USED = 30
_CONTRADICTIONS = 30
_UNANSWERED = 20
_AGENTS = 4


def write_mine_page(mined: Mined, path: Path, file: str, *, language: Language | None = None) -> None:
    """Write the page of what was mined from `file`. Raises `MachineError` where the disk does not take it."""
    write_file(path, mine_page(mined, file, language))


def mine_page(mined: Mined, file: str, language: Language | None = None) -> str:
    """The page as one HTML document."""
    step = _headline_step(mined)
    share = mined.coverage[step - 1] if step else 0.0
    parts: list[Section | Markup] = [
        _headline(mined, step, share),
        _coverage(mined, step, share),
        _contradicting(mined),
        _disputed(mined),
        _most_used(mined),
        _unanswered(mined),
    ]
    first, last = mined.period.first, mined.period.last
    period = say("support.page.period", first=_day(first), last=_day(last)) if first and last else ""
    values = {"questions": count(len(mined.questions)), "dialogues": count(mined.dialogues), "period": period}
    return page(
        say("support.page.title", count=count(step), share=percent(share, 0)),
        [part for part in parts if part],
        language=language,
        kicker=say("support.page.kicker"),
        lead=say("support.page.lead", **values),
        footer=say("support.page.footer", file=file, made=datetime.now().astimezone().strftime("%Y-%m-%d %H:%M")),
    )


def _headline_step(mined: Mined) -> int:
    return min(_ROUND, len(mined.templates))


def _headline(mined: Mined, step: int, share: float) -> Markup:
    answered = mined.coverage[-1] if mined.coverage else 0.0
    masked, against = sum(mined.account.masked.values()), len(mined.contradictions)
    items = [
        Card(say("support.page.card.covered", count=count(step)), percent(share, 0), say("support.page.card.of_all")),
        Card(
            say("support.page.card.answered"),
            percent(answered, 0),
            say("support.page.card.templates", count=count(len(mined.templates))),
        ),
        Card(
            say("support.page.card.contradictions"),
            count(against),
            say("support.page.card.decide") if against else None,
            "warn" if against else "good",
        ),
        Card(say("support.page.card.masked"), count(masked), say("support.page.card.masked_note")),
    ]
    return cards(items)


def _coverage(mined: Mined, step: int, share: float) -> Section:
    total = len(mined.templates)
    if not total:
        return section(say("support.page.coverage"), notice(say("support.page.nothing"), "warn"), anchor="coverage")
    curve = line(
        [Series(say("support.page.share"), [0, *range(1, total + 1)], [0.0, *mined.coverage])],
        x=Axis(say("support.page.templates"), low=0, kind="count"),
        y=Axis(say("support.page.share"), low=0, high=1, kind="percent"),
        marks=[Mark(say("support.page.mark", count=step, share=percent(share, 0)), x=step, y=share)],
    )
    steps = [_reach("first", each, mined.coverage[each - 1]) for each in _STEPS if each < total] + [
        _reach("all", total, mined.coverage[-1])
    ]
    return section(
        say("support.page.coverage"),
        figures(
            figure(curve, say("support.page.curve"), say("support.page.curve_note")),
            figure(bars(steps, longest=1.0), say("support.page.reach"), say("support.page.reach_note")),
        ),
        anchor="coverage",
    )


def _reach(which: str, templates: int, share: float) -> Bar:
    return Bar(say(f"support.page.{which}", count=count(templates)), share, percent(share))


def _contradicting(mined: Mined) -> Section | Markup:
    if not mined.contradictions:
        return Markup("")
    shown = mined.contradictions[:_CONTRADICTIONS]
    head: list[Column | Text] = [
        say("support.page.differ"),
        Column(say("support.page.one"), "wide"),
        Column(say("support.page.other"), "wide"),
        Column(say("support.page.asked"), "wide"),
    ]
    rows: list[list[Text | Markup]] = [
        [say(f"support.page.kind.{each.kind}"), _said(each.one), _said(each.other), _evidence(each)] for each in shown
    ]
    lead = paragraph(say("support.page.contradictions_note", shown=len(shown), count=count(len(mined.contradictions))))
    return section(say("support.page.contradictions"), lead, table(head, rows), anchor="contradictions")


def _disputed(mined: Mined) -> Section | Markup:
    """Questions with two answers: which stands, and what was put aside."""
    if not mined.disputed:
        return Markup("")
    shown = mined.disputed[:_CONTRADICTIONS]
    head: list[Column | Text] = [
        Column(say("support.page.asked"), "wide"),
        Column(say("support.page.stands"), "wide"),
        Column(say("support.page.put_aside"), "wide"),
    ]
    rows: list[list[Text | Markup]] = [
        [each.question, _given(each.kept.text, each.times), _given(each.other.text, len(each.aside))] for each in shown
    ]
    lead = paragraph(say("support.page.disputed_note", shown=len(shown), count=count(len(mined.disputed))))
    return section(say("support.page.disputed"), lead, table(head, rows), anchor="disputed")


def _given(text: str, times: int) -> Markup:
    return Markup("<span>{}<br><small>{}</small></span>").format(text, say("support.page.times", count=times))


def _said(template: Template) -> Markup:
    """A wording, how often it was given, by whom, and when last."""
    agents = [name for name, _ in Counter(each.agent for each in template.exchanges if each.agent).most_common()]
    named = ", ".join(agents[:_AGENTS]) + (", …" if len(agents) > _AGENTS else "")
    last = max((each.time[:10] for each in template.exchanges), default="")
    facts: list[Text] = [say("support.page.times", count=template.count), *(piece for piece in (named, last) if piece)]
    return Markup("<span>{}<br><small>{}</small></span>").format(template.text, Markup(" · ").join(facts))


def _evidence(each: Contradiction) -> Markup:
    asked = dict.fromkeys(exchange.question for exchange in each.evidence)
    return Markup("<br>").join(asked)


def _most_used(mined: Mined) -> Section | Markup:
    if not mined.templates:
        return Markup("")
    head: list[Column | Text] = [
        Column(say("support.page.used"), "number"),
        Column(say("support.page.answer"), "wide"),
        Column(say("support.page.for_example"), "wide"),
    ]
    rows: list[list[Text | Markup]] = [
        [count(each.count), each.text, _example(each.exchanges)] for each in mined.templates[:_MOST_USED]
    ]
    note = say("support.page.most_used_note", shown=len(rows), count=count(len(mined.templates)))
    return section(say("support.page.most_used"), table(head, rows, note=note), anchor="answers")


def _example(exchanges: Sequence[Exchange]) -> str:
    return max((each.question for each in exchanges[:5]), key=len)


def _unanswered(mined: Mined) -> Section | Markup:
    left = [each for each in mined.questions if not each.answer]
    if not left:
        return Markup("")
    head: list[Column | Text] = [say("support.page.dialogue"), Column(say("support.page.question"), "wide")]
    rows: list[list[Text | Markup]] = [[each.dialogue, each.question] for each in left[:_UNANSWERED]]
    lead = paragraph(say("support.page.unanswered_note", shown=len(rows), count=count(len(left))))
    return section(say("support.page.unanswered"), lead, table(head, rows), anchor="unanswered")


def _day(time: datetime) -> str:
    """With hyphens at which no line is broken."""
    return time.date().isoformat().replace("-", "\u2011")
