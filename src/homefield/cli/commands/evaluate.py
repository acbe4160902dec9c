"""`homefield evaluate`: how good a model is on records with the right answers, and against another one."""

from __future__ import annotations

from pathlib import Path

from homefield.cli.command import argument, command, option
from homefield.cli.face import Face
from homefield.cli.outcome import Outcome
from homefield.cli.records import column_option
from homefield.cli.values import Name, Place, pairs

__all__ = ["evaluate"]


@command("evaluate")
@argument("model", key="model", metavar="MODEL")
@argument("file", key="labelled", type=Place(), metavar="FILE")
@column_option
@option("--against", key="against", type=Name(), metavar="MODEL")
def evaluate(face: Face, model: str, file: Path, columns: tuple[tuple[str, str], ...], against: str | None) -> Outcome:
    """Call `homefield.api.evaluate` and show what came of it."""
    from homefield import api

    roles = pairs(columns, "--column")
    verdict = api.evaluate(model, file, columns=roles, against=against, workspace=face.workspace, listen=face.listen)
    return Outcome(document=verdict.as_json())
