"""Pages a person reads: one HTML file each, in Chinese and English at once, that loads nothing from anywhere.

parts = [cards([Card(say("report.rows"), count(10_003))]), section(say(...), table(...), anchor="rows")]
write_file(path, page(say("report.title"), parts, language="zh"))
"""

from __future__ import annotations

from homefield.pages.axis import Axis
from homefield.pages.charts import Bar, Mark, Series, bars, figure, figures, line, meter
from homefield.pages.document import (
    Card,
    Column,
    Section,
    cards,
    columns,
    disclosure,
    notice,
    page,
    paragraph,
    section,
    table,
)
from homefield.pages.heatmap import heatmap
from homefield.pages.words import Both, Text, count, figure_of, percent, say, seconds

__all__ = [
    "Axis",
    "Bar",
    "Both",
    "Card",
    "Column",
    "Mark",
    "Section",
    "Series",
    "Text",
    "bars",
    "cards",
    "columns",
    "count",
    "disclosure",
    "figure",
    "figure_of",
    "figures",
    "heatmap",
    "line",
    "meter",
    "notice",
    "page",
    "paragraph",
    "percent",
    "say",
    "seconds",
    "section",
    "table",
]
