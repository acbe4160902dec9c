"""`homefield forget`: everything about one customer goes."""

from __future__ import annotations

import sys

import click

from homefield.cli.command import argument, command, option
from homefield.cli.face import Face
from homefield.cli.outcome import Outcome
from homefield.cli.values import Name
from homefield.errors import CallError

__all__ = ["forget"]


@command("forget")
@argument("customer", key="customer", type=Name(), metavar="CUSTOMER")
@option("--dry-run", "dry_run", key="dry_run", is_flag=True)
@option("--yes", key="yes", is_flag=True)
def forget(face: Face, customer: str, dry_run: bool, yes: bool) -> Outcome:
    """Show what is held of a customer, ask, and delete it."""
    from homefield.operate.forget import forget_customer, held_of
    from homefield.store import open_store
    from homefield.workspace import local_user

    with open_store(face.workspace) as store:
        gone = held_of(store, customer)
        agreed = not dry_run and (yes or _asked(face, customer, gone.total))
        if agreed:
            gone = forget_customer(store, customer, by=local_user())
    say = face.say
    title = "forget.done" if agreed else "forget.would" if dry_run else "forget.left"
    return Outcome(
        document={"counts": dict(gone.counts), "deleted": agreed, "known": gone.known},
        title=say(title, customer=customer),
        facts=[(say(f"forget.{name}"), f"{count:,}") for name, count in gone.counts.items()],
        notes=[say("forget.from_now"), say("forget.not_reached"), say("forget.backups")] if agreed or dry_run else [],
        answer=int(not agreed and not dry_run),
    )


def _asked(face: Face, customer: str, total: int) -> bool:
    if face.json or not sys.stdin.isatty():
        raise CallError("forget.not_agreed")
    face.quiet()
    return click.confirm(face.say("forget.sure", customer=customer, count=total), default=False, err=True)
