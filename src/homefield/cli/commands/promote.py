"""`homefield models promote` and `rollback`: which version is in use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from homefield.cli.command import argument, command, option
from homefield.cli.face import Face
from homefield.cli.outcome import Outcome
from homefield.cli.records import column_option
from homefield.cli.values import Name, Place, Share, pairs

if TYPE_CHECKING:
    from homefield.operate.promote import Promotion

__all__ = ["promote", "rollback", "shown_promotion"]


@command("promote")
@argument("model", key="model_promoted", metavar="MODEL")
@option("--on", key="on", type=Place(), metavar="FILE|DATA")
@column_option
@option("--margin", key="margin", type=Share(), metavar="SHARE")
@option("--force", key="force_gate", is_flag=True)
@option("--why", key="why", type=Name(), metavar="TEXT")
@option("--challenger", key="challenger", is_flag=True)
def promote(
    face: Face,
    model: str,
    on: Path | None,
    columns: tuple[tuple[str, str], ...],
    margin: float | None,
    force: bool,
    why: str | None,
    challenger: bool,
) -> Outcome:
    """Call `homefield.api.promote`, or make a challenger, and show what came of it."""
    from homefield import api

    if challenger:
        moved = api.challenge(model, why=why, workspace=face.workspace)
        title = face.say("models.challenging", model=f"{moved.name}@{moved.version}")
        return Outcome(
            document={"name": moved.name, "version": moved.version, "alias": moved.alias},
            title=title,
            next_steps=[f"homefield models promote {moved.name}@{moved.version} --on FILE"],
        )
    found = api.promote(
        model,
        on,
        columns=pairs(columns, "--column"),
        margin=margin,
        force=force,
        why=why,
        workspace=face.workspace,
        listen=face.listen,
    )
    return shown_promotion(found, face)


def shown_promotion(found: Promotion, face: Face, *, verb: str = "models") -> Outcome:
    """Each check with its numbers, and whether the version is in use now. verb: whose commands come next."""
    say, title = face.say, found.subject.title
    notes = [f"{'✓' if check.passed else '✗'} {check.sentence(face.language)}" for check in found.gate.checks]
    if found.moved is None:
        heading = "models.not_promoted"
        steps = [f"homefield models show {title}"] if verb == "models" else [f"homefield support evaluate {title} FILE"]
    else:
        heading = "models.forced" if found.forced else "models.promoted"
        steps = [f"homefield {verb} rollback {found.subject.name}"] if found.gate.against else []
    return Outcome(
        document=found.as_json(),
        title=say(heading, model=title),
        notes=notes,
        next_steps=steps,
        answer=int(found.moved is None),
    )


@command("rollback")
@argument("name", key="model_rolled_back", metavar="NAME")
@option("--why", key="why", type=Name(), metavar="TEXT")
def rollback(face: Face, name: str, why: str | None) -> Outcome:
    """Call `homefield.api.rollback` and say which version is in use now."""
    from homefield import api

    moved = api.rollback(name, why=why, workspace=face.workspace)
    return Outcome(
        document={"name": moved.name, "version": moved.version, "alias": moved.alias, "by": moved.by},
        title=face.say("models.rolled_back", model=f"{moved.name}@{moved.version}"),
    )
