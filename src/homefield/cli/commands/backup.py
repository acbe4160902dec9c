"""`homefield backup` and `homefield restore`: a workspace as one file, and back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from homefield.cli.amounts import size
from homefield.cli.command import argument, command, option
from homefield.cli.face import Face
from homefield.cli.outcome import Outcome
from homefield.cli.values import Name, Place

if TYPE_CHECKING:
    from homefield.operate.backup import Backup

__all__ = ["backup", "restore"]


@command("backup")
@argument("path", key="backup_new", type=Place(), metavar="FOLDER|FILE.tar")
def backup(face: Face, path: Path) -> Outcome:
    """Write everything the workspace has learned; it may be in use meanwhile."""
    from homefield.operate.backup import backup as write

    made = write(face.workspace, path, listen=face.listen)
    return _told(face, made, "backup.written", note="backup.keep_seal")


@command("restore")
@argument("path", key="backup", type=Place(), metavar="FOLDER|FILE.tar")
@option("--seal", key="backup_seal", type=Name(), metavar="HASH")
def restore(face: Face, path: Path, seal: str | None) -> Outcome:
    """Fill an empty workspace from a backup."""
    from homefield.operate.backup import restore as read

    found = read(face.workspace, path, seal=seal, listen=face.listen)
    return _told(face, found, "backup.restored", note="backup.settings_stay")


def _told(face: Face, found: Backup, title: str, *, note: str) -> Outcome:
    say = face.say
    return Outcome(
        document={**vars(found), "rows": dict(found.rows)},
        title=say(title, path=found.path),
        facts=[
            (say("backup.moment"), found.made_at),
            (say("backup.rows"), f"{sum(found.rows.values()):,}"),
            (say("backup.files"), f"{found.files:,} ({size(found.bytes)})"),
            (say("backup.seal"), found.seal),
        ],
        notes=[say(note)],
    )
