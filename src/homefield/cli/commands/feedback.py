"""`homefield feedback`: the corrections that came back."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from pathlib import Path

from homefield.cli.command import Group, command, option
from homefield.cli.face import Face
from homefield.cli.outcome import Outcome, Table
from homefield.cli.values import Day, Name, Place, Whole

__all__ = ["feedback"]

feedback = Group("feedback")


@command("list")
@option("--model", key="feedback_model", type=Name(), metavar="NAME")
@option("--since", key="since", type=Day(), metavar="DATE")
@option("--limit", key="limit", type=Whole(), default=50, metavar="N")
def list_(face: Face, model: str | None, since: datetime | None, limit: int) -> Outcome:
    """Corrections, oldest first."""
    from homefield.operate.corrections import row_of
    from homefield.store import open_store
    from homefield.store.feedback import corrections

    with open_store(face.workspace) as store, store.read() as transaction:
        found = [row_of(one) for one in islice(corrections(transaction, model=model, since=since), limit)]
    say = face.say
    words = ("at", "model", "text", "answered", "label", "by", "why")
    cells = [[str(row[word])[:60] for word in words] for row in found]
    return Outcome(
        document={"feedback": found},
        title=say("feedback.title", count=len(found)) if found else say("feedback.none"),
        tables=[Table([say(f"feedback.{word}") for word in words], cells)] if found else [],
        next_steps=["homefield feedback export --out corrections.csv" if found else "homefield support taught NAME"],
    )


@command("export")
@option("--out", key="feedback_out", type=Place(), required=True, metavar="FILE")
@option("--model", key="feedback_model", type=Name(), metavar="NAME")
@option("--since", key="since", type=Day(), metavar="DATE")
def export(face: Face, out: Path, model: str | None, since: datetime | None) -> Outcome:
    """Write them to a CSV file."""
    from homefield.operate.corrections import export_corrections
    from homefield.store import open_store

    with open_store(face.workspace) as store:
        rows = export_corrections(store, out, model=model, since=since)
    return Outcome(
        document={"rows": rows, "path": out},
        title=face.say("feedback.exported", count=rows),
        facts=[(face.say("outcome.where"), str(out))],
    )


for each in (list_, export):
    feedback.add_command(each)
