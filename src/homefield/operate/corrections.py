"""Corrections as a file for people and for the next dataset: one row each, text beside the answer and the right one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from homefield.serve.writers import new_cells
from homefield.store import Store
from homefield.store.columns import canonical
from homefield.store.feedback import Corrected, corrections

__all__ = ["COLUMNS", "export_corrections", "row_of"]

COLUMNS = (
    "text", "label", "answered", "confidence", "decision", "model", "by", "why", "at", "customer", "application",
    "prediction", "feedback",
)  # fmt: skip


def export_corrections(store: Store, path: Path, *, model: str | None = None, since: datetime | None = None) -> int:
    """Write corrections to a CSV file that opens rightly in Chinese Excel, and can be prepared; how many rows.

    `text` is empty where the settings keep no texts. A cell that a spreadsheet would run as a formula is made harmless.

    Raises:
        CallError: `serve.is_folder`. MachineError: the disk is full or may not be written; the database is away.
    """
    rows = 0
    with new_cells(path, COLUMNS) as write, store.read() as transaction:
        for one in corrections(transaction, model=model, since=since):
            write(row_of(one))
            rows += 1
    return rows


def row_of(one: Corrected) -> Mapping[str, Any]:
    """A correction as one flat row, keys as `COLUMNS`."""
    feedback, prediction, output = one.feedback, one.prediction, one.prediction.output
    version = "" if prediction.version is None else f"@{prediction.version}"
    return {
        "text": prediction.text or "",
        "label": _plain(feedback.answer),
        "answered": _plain(_answered(output)),
        "confidence": output.get("confidence"),
        "decision": output.get("decision"),
        "model": f"{prediction.model}{version}",
        "by": feedback.by,
        "why": feedback.why or "",
        "at": feedback.at.isoformat(timespec="seconds"),
        "customer": prediction.customer or "",
        "application": prediction.application or "",
        "prediction": prediction.id,
        "feedback": feedback.id,
    }


def _answered(output: Mapping[str, Any]) -> Any:
    """The answer in what was kept: a label, several, or a number; empty where none was given."""
    several = [one["label"] for one in output.get("labels") or []]
    if len(several) > 1:
        return several
    found = output.get("label")
    return found if found is not None else output.get("value")


def _plain(value: Any) -> Any:
    """A label or a number as it is; several as the JSON list that `prepare` reads."""
    if value is None:
        return ""
    return value if isinstance(value, (str, int, float)) else canonical(value)
