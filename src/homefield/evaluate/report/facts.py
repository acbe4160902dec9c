"""What the numbers rest on: the dataset, the recipe, the machine, and what it cost."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from homefield.evaluate.report.material import RunFacts
from homefield.messages import catalogue
from homefield.pages import Both, Column, Section, Text, columns, count, say, seconds, section, table

__all__ = ["facts_section"]

_HASH = re.compile(r"\b([0-9a-f]{16})[0-9a-f]{24,}\b")  # the start of a content hash tells it from others


def facts_section(data: RunFacts) -> Section | None:
    """Dataset, costs, recipe and environment, each where there is something to say."""
    parts = [
        _table(say("report.dataset"), [(_name(name), value) for name, value in _lines(data.dataset, "")]),
        _table(say("report.costs"), [(_name(name), seconds(float(value))) for name, value in data.seconds.items()]),
        _table(say("report.environment"), list(_lines(data.environment, ""))),
        _table(say("report.recipe"), list(_lines(data.recipe, ""))),
    ]
    shown = [part for part in parts if part is not None]
    return section(say("report.facts"), columns(*shown), anchor="facts") if shown else None


def _table(title: Text, rows: Sequence[tuple[Text, Text]]) -> Markup | None:
    if not rows:
        return None
    heads = [Column(say("report.what")), Column(say("report.value"), "number")]
    return table(heads, rows, caption=title)


def _lines(values: Mapping[str, Any], before: str) -> Iterator[tuple[str, Text]]:
    for key, value in values.items():
        name = f"{before}.{key}" if before else str(key)
        if isinstance(value, Mapping):
            yield from _lines(value, name)
        elif value is None or value == "":
            yield name, "–"
        elif isinstance(value, bool):
            yield name, say("report.yes" if value else "report.no")
        elif isinstance(value, int):
            yield name, count(value)
        elif isinstance(value, float):
            yield name, f"{value:.6g}"
        elif isinstance(value, (list, tuple)):
            yield name, ", ".join(map(str, value)) or "–"
        else:
            yield name, _HASH.sub(r"\1…", str(value))


def _name(key: str) -> Both:
    """A stage or a count by its name in both languages where it has one, else the key as it is."""
    known = catalogue("en", "report")
    parts = [say(f"report.fact.{one}") if f"report.fact.{one}" in known else Both(one, one) for one in key.split(".")]
    return Both(" · ".join(one.en for one in parts), " · ".join(one.zh for one in parts))
