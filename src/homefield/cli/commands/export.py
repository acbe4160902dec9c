"""`homefield export`: a run becomes a model, through the parity gate."""

from __future__ import annotations

from pathlib import Path

from homefield.cli.command import argument, command, option
from homefield.cli.commands.models import describe
from homefield.cli.face import Face
from homefield.cli.outcome import Outcome
from homefield.cli.values import Name, Place, Share

__all__ = ["export"]


@command("export")
@argument("run", key="run", type=Place(), metavar="RUN")
@option("--out", key="export_out", type=Place(), metavar="DIR")
@option("--name", key="export_name", type=Name(), metavar="NAME")
@option("--task", key="export_task", type=Name(), metavar="NAME")
@option("--risk", key="risk", type=Share(), metavar="R")
def export(face: Face, run: Path, out: Path | None, name: str | None, task: str | None, risk: float | None) -> Outcome:
    """Call `homefield.api.export` and show what came of it."""
    from homefield import api

    made = api.export(run, out, name=name, task=task, risk=risk, workspace=face.workspace, listen=face.listen)
    return describe(made, face, "models.exported")
