"""`homefield cache`: what frozen layers and encodings take on disk, and emptying it."""

from __future__ import annotations

from homefield.cli.amounts import size
from homefield.cli.command import Group, command
from homefield.cli.face import Face
from homefield.cli.outcome import Outcome, Table

__all__ = ["cache"]

cache = Group("cache")


@command("show")
def show(face: Face) -> Outcome:
    """Sizes by kind, and the budget."""
    from homefield.backbones import shelf

    found = shelf.entries(face.workspace.cache)
    budget = face.workspace.settings.cache_budget_gb
    kinds = {
        kind: {
            "entries": sum(entry.kind == kind for entry in found),
            "bytes": sum(entry.bytes for entry in found if entry.kind == kind),
        }
        for kind in shelf.KINDS
    }
    total = sum(entry.bytes for entry in found)
    say = face.say
    return Outcome(
        document={"cache": face.workspace.cache, "bytes": total, "budget_gb": budget, "kinds": kinds},
        title=say("cache.title", size=size(total)),
        facts=[(say("cache.budget"), f"{budget:g} GB"), (say("outcome.where"), str(face.workspace.cache))],
        tables=[
            Table(
                [say("cache.part"), say("cache.entries"), say("cache.size")],
                [
                    [say(f"cache.kind_{kind}"), f"{told['entries']:,}", size(told["bytes"])]
                    for kind, told in kinds.items()
                ],
                right=[1, 2],
            )
        ],
    )


@command("clear")
def clear(face: Face) -> Outcome:
    """Remove everything that no run is using."""
    from homefield.backbones import shelf

    removed, kept = shelf.clear(face.workspace.cache)
    freed = sum(entry.bytes for entry in removed)
    return Outcome(
        document={"freed_bytes": freed, "removed": len(removed), "kept_in_use": len(kept)},
        title=face.say("cache.cleared", size=size(freed)),
        notes=[face.say("cache.in_use", count=len(kept))] if kept else [],
    )


cache.add_command(show)
cache.add_command(clear)
