"""Charts drawn by hand in SVG: lines, dots and bars, in the page's own colours, legible on a phone.

Colours are classes, so a chart follows the page into the dark. A chart has a fixed drawing size and scales with its
column; long series are thinned to what the drawing can show, keeping every peak.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from markupsafe import Markup

from homefield.pages.axis import Axis, Scale
from homefield.pages.document import join, unique
from homefield.pages.words import Both, Text

__all__ = ["Bar", "Mark", "Series", "bars", "figure", "figures", "line", "meter"]

Colour = Literal["accent", "second", "third", "bad", "muted"]
WIDTH, HEIGHT = 460, 290
LEFT, RIGHT, TOP, BOTTOM = 58, 22, 12, 44
POINTS = 300
MANY = 60  # dots beyond which each is drawn small and pale


@dataclass(frozen=True)
class Series:
    """One line.

    `low` and `high`, when given, draw a band around it; `dots` marks each value; with `line=False` there are only dots.
    """

    name: Text
    x: Sequence[float]
    y: Sequence[float]
    colour: Colour = "accent"
    dash: bool = False
    dots: bool = False
    line: bool = True
    low: Sequence[float] = ()
    high: Sequence[float] = ()


@dataclass(frozen=True)
class Mark:
    """A thin guide: at one x, at one y, or (both given) a ringed place with its label."""

    label: Text
    x: float | None = None
    y: float | None = None


@dataclass(frozen=True)
class Bar:
    """One bar: its name, its length, the figure written beside it and an aside."""

    name: Text
    value: float
    figure: Text
    aside: Text = ""
    colour: Colour = "accent"


@dataclass(frozen=True)
class _Plot:
    x: Scale
    y: Scale
    parts: list[Markup] = field(default_factory=list)

    def add(self, template: str, **values: object) -> None:
        self.parts.append(Markup(template).format(**values))


def line(
    series: Sequence[Series], *, x: Axis, y: Axis, marks: Sequence[Mark] = (), diagonal: Colour | None = None
) -> Markup:
    """Lines over common axes, with a legend when there is more than one.

    `diagonal` draws y = x in that colour, what a reliability diagram is read against.
    """
    xs = [value for one in series for value in one.x] + [mark.x for mark in marks if mark.x is not None]
    ys = [value for one in series for part in (one.y, one.low, one.high) for value in part]
    ys += [mark.y for mark in marks if mark.y is not None]
    plot = _Plot(x.fitted(xs, LEFT, WIDTH - RIGHT), y.fitted(ys, HEIGHT - BOTTOM, TOP))
    _axes(plot, x, y)
    if diagonal:
        low, high = max(plot.x.low, plot.y.low), min(plot.x.high, plot.y.high)
        plot.add(
            '<path class="guide" d="M{a:.1f} {b:.1f}L{c:.1f} {d:.1f}"/>',
            a=plot.x.at(low), b=plot.y.at(low), c=plot.x.at(high), d=plot.y.at(high),
        )  # fmt: skip
    for one in series:
        _series(plot, one)
    for mark in marks:
        _mark(plot, mark, series)
    svg = Markup('<svg class="chart" viewBox="0 0 {} {}" role="img">{}</svg>').format(WIDTH, HEIGHT, join(plot.parts))
    return svg + (_legend(series) if len(series) > 1 else Markup(""))


def bars(items: Sequence[Bar], *, longest: float | None = None) -> Markup:
    """Horizontal bars, one a row, longest first if you pass them so. `longest` is the value that fills the width."""
    full = longest if longest is not None else max((abs(item.value) for item in items), default=1.0)
    rows = []
    for item in items:
        share = 100 * min(1.0, max(0.0, item.value / full)) if full > 0 and math.isfinite(item.value) else 0.0
        aside = Markup('<span class="aside">{}</span>').format(item.aside) if item.aside else ""
        rows.append(
            Markup(
                '<span class="name">{}</span>'
                '<svg aria-hidden="true"><rect class="track" width="100%" height="12" rx="2"/>'
                '<rect class="f-{}" width="{:.2f}%" height="12" rx="2"/></svg><span class="figure">{}{}</span>'
            ).format(item.name, item.colour, share, item.figure, aside)
        )
    return Markup('<div class="bars">{}</div>').format(join(rows))


def meter(share: float, colour: Colour = "accent") -> Markup:
    """A small bar for a table's cell, `share` of its width filled."""
    return Markup(
        '<svg class="meter" width="84" height="9" aria-hidden="true"><rect class="track" width="84" height="9" rx="2"/>'
        '<rect class="f-{}" width="{:.1f}" height="9" rx="2"/></svg>'
    ).format(colour, 84 * min(1.0, max(0.0, share if math.isfinite(share) else 0.0)))


def figure(chart: Markup, title: Text, note: Text | None = None) -> Markup:
    """A chart with its title and, under it, how to read it."""
    name = unique("figure")
    chart = chart.replace('role="img"', Markup('role="img" aria-labelledby="{}"').format(name))
    below = Markup('<p class="note">{}</p>').format(note) if note else ""
    return Markup('<figure aria-labelledby="{}"><figcaption id="{}">{}</figcaption>{}{}</figure>').format(
        name, name, title, chart, below
    )


def figures(*items: Markup) -> Markup:
    """Figures side by side where there is room."""
    return Markup('<div class="figures">{}</div>').format(join(items))


def label(x: float, y: float, content: Text, *, anchor: str = "start", kind: str = "", turn: float = 0) -> Markup:
    """A text in a drawing, in both languages when it has them."""
    words: Markup | str = (
        content
        if isinstance(content, str)
        else Markup('<tspan class="l" lang="en">{}</tspan><tspan class="l" lang="zh">{}</tspan>').format(
            content.en, content.zh
        )
    )
    turned = Markup(' transform="rotate({:g} {:.1f} {:.1f})"').format(turn, x, y) if turn else Markup("")
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}" class="{}"{}>{}</text>').format(
        x, y, anchor, kind, turned, words
    )


def _axes(plot: _Plot, x: Axis, y: Axis) -> None:
    for tick in plot.y.ticks:
        place = plot.y.at(tick)
        plot.add('<path class="grid" d="M{a} {y:.1f}H{b}"/>', a=LEFT, b=WIDTH - RIGHT, y=place)
        plot.parts.append(label(LEFT - 7, place + 4, plot.y.label(tick), anchor="end"))
    plot.add('<path class="base" d="M{a} {y}H{b}"/>', a=LEFT, b=WIDTH - RIGHT, y=HEIGHT - BOTTOM)
    for tick in plot.x.ticks:
        plot.parts.append(label(plot.x.at(tick), HEIGHT - BOTTOM + 16, plot.x.label(tick), anchor="middle"))
    plot.parts.append(label((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, x.title, anchor="middle"))
    plot.parts.append(label(11, (TOP + HEIGHT - BOTTOM) / 2, y.title, anchor="middle", turn=-90))


def _series(plot: _Plot, one: Series) -> None:
    kept = thin(one.y, POINTS) if one.line else list(range(len(one.y)))
    if len(one.low) == len(one.x) == len(one.high) and len(one.x) > 1:
        shown = [index for index in kept if math.isfinite(one.low[index]) and math.isfinite(one.high[index])]
        there = [f"{plot.x.at(one.x[i]):.1f} {plot.y.at(one.high[i]):.1f}" for i in shown]
        back = [f"{plot.x.at(one.x[i]):.1f} {plot.y.at(one.low[i]):.1f}" for i in reversed(shown)]
        if there:
            plot.add('<path class="band f-{c}" d="M{d}Z"/>', c=one.colour, d="L".join(there + back))
    steps: list[str] = []
    broken = True
    for index in kept:
        if not (math.isfinite(one.y[index]) and math.isfinite(one.x[index])):
            broken = True
            continue
        steps.append(f"{'M' if broken else 'L'}{plot.x.at(one.x[index]):.1f} {plot.y.at(one.y[index]):.1f}")
        broken = False
    if one.line and steps:
        dash = " dash" if one.dash else ""
        plot.add('<path class="line s-{c}{dash}" d="{d}"/>', c=one.colour, dash=dash, d="".join(steps))
    if one.dots:
        many = not one.line and len(kept) > MANY
        for index in kept:
            if math.isfinite(one.y[index]) and math.isfinite(one.x[index]):
                plot.add(
                    '<circle class="{k} f-{c}" cx="{x:.1f}" cy="{y:.1f}" r="{r}"><title>{t}</title></circle>',
                    k="haze" if many else "dot",
                    r=2.4 if many else 4,
                    c=one.colour, x=plot.x.at(one.x[index]), y=plot.y.at(one.y[index]),
                    t=f"{one.x[index]:.4g}, {one.y[index]:.4g}",
                )  # fmt: skip


def _mark(plot: _Plot, mark: Mark, series: Sequence[Series]) -> None:
    if mark.x is not None and mark.y is not None:
        x, y = plot.x.at(mark.x), plot.y.at(mark.y)
        plot.add(
            '<path class="guide" d="M{x:.1f} {y:.1f}V{b}M{x:.1f} {y:.1f}H{a}"/>', x=x, y=y, a=LEFT, b=HEIGHT - BOTTOM
        )
        plot.add('<circle class="dot f-ink" cx="{x:.1f}" cy="{y:.1f}" r="5"/>', x=x, y=y)
        left = x > (LEFT + WIDTH) / 2
        # Under the place where a line passes above it on the label's side, so that the line never crosses the label.
        beside = (plot.y.at(b) < y for one in series for a, b in zip(one.x, one.y, strict=True) if (a < mark.x) == left)
        lower = any(beside) and y + 18 < HEIGHT - BOTTOM
        plot.parts.append(
            label(
                x - 9 if left else x + 9,
                y + 16 if lower else y - 8,
                mark.label,
                anchor="end" if left else "start",
                kind="guide-text",
            )
        )
    elif mark.x is not None:
        x = plot.x.at(mark.x)
        left = x > (LEFT + WIDTH) / 2
        plot.add('<path class="guide" d="M{x:.1f} {t}V{b}"/>', x=x, t=TOP, b=HEIGHT - BOTTOM)
        plot.parts.append(
            label(x - 6 if left else x + 6, TOP + 11, mark.label, anchor="end" if left else "start", kind="guide-text")
        )
    elif mark.y is not None:
        y = plot.y.at(mark.y)
        plot.add('<path class="guide" d="M{a} {y:.1f}H{b}"/>', a=LEFT, b=WIDTH - RIGHT, y=y)
        plot.parts.append(label(LEFT + 5, y - 6, mark.label, kind="guide-text"))


def _legend(series: Sequence[Series]) -> Markup:
    items = [
        Markup('<li><svg width="20" height="10" aria-hidden="true">{}</svg>{}</li>').format(
            Markup('<path class="line s-{}{}" d="M1 5H19"/>').format(one.colour, " dash" if one.dash else "")
            if one.line
            else Markup('<circle class="f-{}" cx="10" cy="5" r="4"/>').format(one.colour),
            one.name,
        )
        for one in series
        if one.name not in ("", Both("", ""))
    ]
    return Markup('<ul class="legend">{}</ul>').format(join(items))


def thin(values: Sequence[float], most: int) -> list[int]:
    """Indices that keep the first, the last, and the lowest and highest of each stretch: at most about `most`."""
    if len(values) <= most:
        return list(range(len(values)))
    kept = {0, len(values) - 1}
    size = 2 * len(values) / most
    for stretch in range(most // 2):
        inside = range(int(stretch * size), min(len(values), int((stretch + 1) * size)))
        finite = [index for index in inside if math.isfinite(values[index])]
        if finite:
            kept.add(min(finite, key=values.__getitem__))
            kept.add(max(finite, key=values.__getitem__))
    return sorted(kept)
