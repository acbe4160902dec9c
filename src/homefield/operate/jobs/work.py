"""What a job is given to work with, and what the kinds of jobs have in common."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from homefield.data.archive import ArchiveLimits
from homefield.errors import CallError
from homefield.events import Listener
from homefield.files import write_file
from homefield.operate.uploads import UploadLimits, upload_path
from homefield.store import Store, artifacts_of, is_id
from homefield.workspace import Workspace

__all__ = ["Arguments", "Work", "is_name", "upload_limits"]

_NAME = re.compile(r"\w[\w.-]{0,99}")
_OWNED = "owned.json"


class Arguments(BaseModel):
    """What a kind of job takes: data, never a command.

    FILES: fields with records: the id of an upload, or a path. PLACES: fields with a folder: a name in the workspace,
    or a path. Only who sits at the machine may give paths.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    FILES: ClassVar[tuple[str, ...]] = ()
    PLACES: ClassVar[tuple[str, ...]] = ()


@dataclass(frozen=True)
class Work:
    """One attempt at a job. folder: the job's own, the same in every attempt."""

    workspace: Workspace
    store: Store
    folder: Path
    listen: Listener

    def file(self, given: str) -> Path:
        """A file of records: an upload by its id, else a path.

        Raises:
            CallError, Refused: as `homefield.operate.uploads.upload_path`.
        """
        if is_id(given):
            return upload_path(self.store, artifacts_of(self.workspace), given)
        return Path(given)

    def owned(self, place: Path) -> bool:
        """Take `place` for this job's output; True when an earlier attempt took it, so that what is there is ours.

        Raises:
            CallError: `files.exists`, when something is there that is not ours.
        """
        note = self.folder / _OWNED
        known: list[str] = json.loads(note.read_text(encoding="utf-8")) if note.is_file() else []
        if str(place) in known:
            for partial in place.parent.glob(f".{place.name}.*.partial"):  # the one before was killed while it wrote
                shutil.rmtree(partial, ignore_errors=True)
            return True
        if place.exists() and (not place.is_dir() or any(place.iterdir())):
            raise CallError("files.exists", path=place)
        write_file(note, json.dumps([*known, str(place)]))
        return False


Run = Callable[[Any, Work], Mapping[str, Any]]


def is_name(value: str) -> bool:
    """Whether `value` is a plain name, which means something in the workspace, and no path."""
    return bool(_NAME.fullmatch(value)) and not value.endswith(".")


def upload_limits(workspace: Workspace) -> UploadLimits:
    """What the settings take in."""
    largest = workspace.settings.upload_mb << 20
    return UploadLimits(bytes=largest, archive=ArchiveLimits(bytes=2 * largest))
