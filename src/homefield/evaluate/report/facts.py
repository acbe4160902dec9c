"""What the numbers rest on: the dataset, the recipe, the machine, and what it cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from markupsafe import Markup

from homefield.evaluate.report.material import ReportData
from homefield.messages import catalogue
from homefield.pages import Both, Column, Section, Text, columns, count, say, seconds, section, table

__all__ = ["facts_section"]


def facts_section(data: ReportData) -> Section | None:
    """Dataset, costs, recipe and environment, each where there is something to say."""
    parts = [
        _table(say("report.dataset"), _flat(data.dataset)),
        _table(say("report.costs"), [(name, seconds(float(value))) for name, value in data.seconds.items()]),
        _table(say("report.environment"), _flat(data.environment)),
        _table(say("report.recipe"), _flat(data.recipe)),
    ]
    shown = [part for part in parts if part is not None]
    return section(say("report.facts"), columns(*shown), anchor="facts") if shown else None


def _table(title: Text, rows: list[tuple[str, Text]]) -> Markup | None:
    if not rows:
        return None
    return table(
        [Column(say("report.what")), Column(say("report.value"), "number")],
        [[_name(key), value] for key, value in rows],
        caption=title,
    )


def _flat(values: Mapping[str, Any]) -> list[tuple[str, Text]]:
    return list(_lines(values, ""))


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
            yield name, str(value)


def _name(key: str) -> Both | str:
    """A stage or a count by its name in both languages where it has one, else the key as it is."""
    known = f"report.fact.{key}"
    return say(known) if known in catalogue("en", "report") else key
