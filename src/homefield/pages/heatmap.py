"""A square of counts, readable with three classes or with eighty.

Names stay in view while the square scrolls sideways; empty cells are not drawn, so eighty classes make a small file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from markupsafe import Markup

from homefield.pages.charts import label
from homefield.pages.document import join
from homefield.pages.words import Text, say

__all__ = ["heatmap"]

NUMBERED = 16  # up to so many classes each cell has room for its number


def heatmap(
    values: Sequence[Sequence[float]],
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    name: Text,
    diagonal: Literal["good", "same"] = "good",
) -> Markup:
    """Counts as shaded cells, shaded by the share of their row.

    Args:
        values: `[len(rows)][len(columns)]`, none negative.
        rows: the names at the left.
        columns: the names at the top.
        name: what the square shows, for those who hear the page.
        diagonal: `good` shades the diagonal as right and the rest as wrong; `same` shades all alike.
    """
    cell = _cell_size(len(columns))
    left, top = _room(rows, cell, 195), _room(columns, cell, 140)
    width, height = cell * len(columns), cell * len(rows)
    names = [
        label(left - 7, top + cell * (index + 0.5) + 3.5, _short(row, 28), anchor="end")
        for index, row in enumerate(rows)
    ]
    cells = [Markup('<rect class="plot" x="0" y="{}" width="{}" height="{}"/>').format(top, width, height)]
    for index, column in enumerate(columns):
        cells.append(label(cell * (index + 0.5) + 3.5, top - 6, _short(column, 20), turn=-90 if cell < 34 else -40))
    for i, line in enumerate(values):
        total = sum(line)
        for j, value in enumerate(line):
            if value > 0:
                wrong = diagonal == "good" and rows[i] != columns[j]
                cells.append(
                    _cell(cell, j * cell, top + i * cell, value / total, wrong, f"{rows[i]} → {columns[j]}: {value:g}")
                )
                if len(columns) <= NUMBERED:
                    kind = "value strong" if 0.25 + 0.75 * value / total > 0.62 else "value"
                    cells.append(
                        label((j + 0.5) * cell, top + (i + 0.5) * cell + 4, f"{value:g}", anchor="middle", kind=kind)
                    )
    fine = " fine" if cell < 20 else ""
    beyond = 70 if cell >= 34 else 8
    shown = name if isinstance(name, str) else f"{name.zh} / {name.en}"
    return Markup(
        '<div class="heatmap{}" tabindex="0" role="group" aria-label="{}">'
        '<svg class="names" width="{}" height="{}">{}</svg>'
        '<svg width="{}" height="{}">{}</svg></div><p class="note">{}</p>'
    ).format(
        fine, shown, left, top + height, join(names), width + beyond, top + height, join(cells), say("pages.heatmap")
    )


def _cell_size(classes: int) -> int:
    """Pixels of a cell's side: room for a number with few classes, the whole square in a page's width with eighty."""
    return next(size for most, size in ((6, 46), (NUMBERED, 34), (40, 20), (60, 14), (10**9, 11)) if classes <= most)


def _cell(size: int, x: float, y: float, share: float, wrong: bool, title: str) -> Markup:
    return Markup(
        '<rect class="{}" x="{}" y="{}" width="{}" height="{}" fill-opacity="{:.2f}"><title>{}</title></rect>'
    ).format("wrong" if wrong else "cell", x + 0.5, y + 0.5, size - 1, size - 1, min(1.0, 0.25 + 0.75 * share), title)


def _room(names: Sequence[str], cell: int, most: int) -> int:
    """Pixels the longest name needs; a Chinese character is about twice as wide as a Latin one."""
    longest = max(
        (sum(11.5 if ord(letter) > 0x2E7F else 6.3 for letter in _short(one, 28)) for one in names), default=0
    )
    return round(min(most, max(cell, longest + 16)))


def _short(name: str, most: int) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"
