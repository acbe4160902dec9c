"""`homefield audit`: who changed what, and whether the record is whole."""

from __future__ import annotations

import json

from homefield.cli.command import Group, command, option
from homefield.cli.face import Face
from homefield.cli.outcome import Outcome, Table
from homefield.cli.values import Name, Whole

__all__ = ["audit"]

audit = Group("audit")


@command("list")
@option("--limit", key="limit", type=Whole(), default=50, metavar="N")
def list_(face: Face, limit: int) -> Outcome:
    """The newest entries."""
    from homefield.store import audit as rows
    from homefield.store import open_store

    with open_store(face.workspace) as store, store.read() as transaction:
        found = rows.entries(transaction, most=limit)
    say = face.say
    cells = [[str(one.sequence), str(one.at)[:19], one.who, one.what, one.subject, _told(one.details)] for one in found]
    headings = [say(f"audit.{word}") for word in ("number", "at", "who", "what", "subject", "details")]
    return Outcome(
        document={"entries": [vars(one) for one in found]},
        title=say("audit.title", count=len(found)) if found else say("audit.none"),
        tables=[Table(headings, cells, right=[0])] if found else [],
    )


@command("verify")
@option("--head", key="audit_head", type=Name(), metavar="HASH")
def verify(face: Face, head: str | None) -> Outcome:
    """Look along the chain; exit code 1 when an entry was changed, deleted or moved."""
    from homefield.store import audit as rows
    from homefield.store import open_store

    with open_store(face.workspace) as store, store.read() as transaction:
        chain = rows.verify(transaction)
        known = head is None or rows.has_hash(transaction, head)
    say = face.say
    fault = chain.fault or (None if known else "rewritten")
    if fault == "rewritten":
        title = say("audit.rewritten")
    elif fault is not None:
        title = say(f"audit.fault_{fault}", number=chain.broken_at)
    else:
        title = say("audit.whole", count=chain.count)
    return Outcome(
        document={**vars(chain), "fault": fault},
        title=title,
        facts=[(say("audit.head"), chain.head)] if chain.count else [],
        notes=[say("audit.keep_head")] if fault is None and chain.count else [],
        answer=int(fault is not None),
    )


def _told(details: object) -> str:
    written = json.dumps(details, ensure_ascii=False)
    return written if len(written) <= 80 else written[:77] + "..."


for each in (list_, verify):
    audit.add_command(each)
