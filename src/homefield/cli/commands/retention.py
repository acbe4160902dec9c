"""`homefield retention`: how long things are kept, and deleting what is older."""

from __future__ import annotations

from homefield.cli.command import Group, command
from homefield.cli.face import Face
from homefield.cli.outcome import Outcome, Table

__all__ = ["retention"]

retention = Group("retention")


@command("show")
def show(face: Face) -> Outcome:
    """What is kept, for how long, and how much of it is too old."""
    from homefield.operate.retention import look
    from homefield.store import open_store

    with open_store(face.workspace) as store:
        kept = look(face.workspace, store)
    say = face.say
    rows = [
        [
            say(f"retention.{one.name}"),
            f"{one.days:,}" if one.days else say("retention.no_limit"),
            f"{one.found.rows:,}",
            f"{one.found.oldest:%Y-%m-%d}" if one.found.oldest else "",
            f"{one.found.older:,}",
        ]
        for one in kept
    ]
    headings = [say(f"retention.{word}") for word in ("what", "days", "rows", "oldest", "older")]
    return Outcome(
        document={"kept": [{"name": one.name, "days": one.days, **vars(one.found)} for one in kept]},
        title=say("retention.title"),
        tables=[Table(headings, rows, right=[1, 2, 4])],
        notes=[say("retention.where")],
        next_steps=["homefield retention run"] if any(one.found.older for one in kept) else [],
    )


@command("run")
def run(face: Face) -> Outcome:
    """Delete what is too old."""
    from homefield.operate.retention import sweep_old
    from homefield.store import open_store
    from homefield.workspace import local_user

    with open_store(face.workspace) as store:
        counts = sweep_old(face.workspace, store, by=local_user(), listen=face.listen)
    say = face.say
    return Outcome(
        document={"deleted": counts},
        title=say("retention.done" if any(counts.values()) else "retention.nothing"),
        facts=[(say(f"retention.{name}"), f"{count:,}") for name, count in counts.items()],
    )


for each in (show, run):
    retention.add_command(each)
