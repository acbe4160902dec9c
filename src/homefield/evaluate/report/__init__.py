"""`report.html`: one file that shows how good a model is, in both languages, without a script or another host.

write_report(folder / "report.html", ReportData("My model", assessment, curves=rows_of_metrics_jsonl))
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from markupsafe import Markup

from homefield.evaluate.report.confusion import confusion_section
from homefield.evaluate.report.curves import curves_section
from homefield.evaluate.report.facts import facts_section
from homefield.evaluate.report.material import ReportData
from homefield.evaluate.report.opening import headline_cards, lead, mend_section, numbers_section
from homefield.evaluate.report.rows import classes_section, mistakes_section, slices_section
from homefield.evaluate.report.trust import trust_section
from homefield.files import write_file
from homefield.messages import Language
from homefield.pages import Section, page, say

__all__ = ["ReportData", "render_report", "report_json", "write_report"]


def write_report(path: Path, data: ReportData, *, language: Language | None = None) -> None:
    """Write the report to `path` and the same numbers beside it, as `.json`.

    Raises:
        MachineError: the disk is full or may not be written.
    """
    write_file(path, render_report(data, language=language))
    write_file(path.with_suffix(".json"), json.dumps(report_json(data), ensure_ascii=False, indent=1))


def render_report(data: ReportData, *, language: Language | None = None) -> str:
    """The report as one HTML document that shows `language` first."""
    sections = [
        numbers_section(data),
        mend_section(data),
        curves_section(data.curves, data.assessment.metric),
        confusion_section(data),
        trust_section(data),
        mistakes_section(data),
        classes_section(data),
        slices_section(data),
        facts_section(data),
    ]
    parts: list[Section | Markup] = [headline_cards(data)]
    parts += [section for section in sections if section is not None]
    return page(
        data.title,
        parts,
        language=language,
        kicker=say("report.kicker"),
        lead=lead(data),
        footer=say("report.footer", created=data.created) if data.created else None,
    )


def report_json(data: ReportData) -> dict[str, Any]:
    """The report's numbers as one JSON object."""
    return {
        "title": data.title,
        "created": data.created,
        "assessment": data.assessment.as_json(),
        "dataset": dict(data.dataset),
        "recipe": dict(data.recipe),
        "environment": dict(data.environment),
        "seconds": dict(data.seconds),
        "curves": [dict(row) for row in data.curves],
    }
