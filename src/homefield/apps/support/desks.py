"""The desks of a workspace by name, each with the options that stand in its file now.

A file that was broken while somebody is served changes nothing: the last good options stay in force until it is mended.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from homefield.apps.support.assistants import Assistants
from homefield.apps.support.conversation import Desk, load_options
from homefield.apps.support.conversation.options import BAD_OPTIONS, SupportOptions, options_file
from homefield.bundle.names import check_name
from homefield.errors import CallError, Refused
from homefield.faults import Fault, FaultyFile
from homefield.net import Allowed
from homefield.store import Store
from homefield.workspace import Workspace

__all__ = ["Desks"]

_log = logging.getLogger("homefield.support")
_log.addHandler(logging.NullHandler())  # a server writes a log; a command tells the error itself


@dataclass(frozen=True)
class _Read:
    """What came of reading a file. changed: when it was, as it was read. options: those in force; None while there
    never were good ones."""

    changed: int
    options: SupportOptions | None
    faults: tuple[Fault, ...] = ()


class Desks:
    """Opens a desk when it is asked for. Safe to use from several threads.

    Args:
        workspace: whose options and settings.
        store: where conversations are kept.
        assistants: who answers.
    """

    def __init__(self, workspace: Workspace, store: Store, assistants: Assistants) -> None:
        self._workspace, self._store, self.assistants = workspace, store, assistants
        self._allowed = Allowed.parse(workspace.settings.net_allow)
        self._read: dict[str, _Read] = {}
        self._lock = Lock()

    def desk(self, name: str) -> Desk:
        """The desk of an application.

        Raises:
            CallError: `bundle.bad_name`, `support.no_such_name`, `support.bad_options`.
        """
        answerer = self.assistants.find(check_name(name))
        keep_texts = self._workspace.settings.keep_texts
        return Desk(self._store, name, answerer, self.options(name), allowed=self._allowed, keep_texts=keep_texts)

    def options(self, name: str) -> SupportOptions:
        """What its file says, read again when it has changed; what it said before while it cannot be used.

        Raises:
            CallError: `bundle.bad_name`; `support.bad_options`: it cannot be used and never could.
        """
        read = self._look(name)
        if read.options is None:
            raise FaultyFile(BAD_OPTIONS, options_file(self._workspace, name).name, read.faults)
        return read.options

    def broken(self) -> list[FaultyFile]:
        """The files of options that cannot be used as they stand now.

        Raises:
            MachineError: the store does not answer.
        """
        looked = ((options_file(self._workspace, name).name, self._look(name)) for name in self.assistants.names())
        return [FaultyFile(BAD_OPTIONS, file, read.faults) for file, read in looked if read.faults]

    def _look(self, name: str) -> _Read:
        file = options_file(self._workspace, check_name(name))
        changed = file.stat().st_mtime_ns if file.is_file() else 0
        with self._lock:
            known = self._read.get(name)
            if known is None or known.changed != changed:
                known = self._read[name] = _read_anew(file, changed, known)
            return known

    def only(self, name: str | None) -> str:
        """`name`, or the only application there is, for channels whose addresses hold none.

        Raises:
            CallError: `support.which`.
        """
        names = self.assistants.names()
        if name is None and len(names) == 1:
            return names[0]
        if name is None:
            raise CallError("support.which", names=", ".join(names) or "-")
        return name

    def close_idle(self) -> int:
        """End what is quiet for too long in every application; how many that were.

        An application that cannot be opened is left out: whoever writes to it is told why.

        Raises:
            MachineError: the store does not answer.
        """
        ended = 0
        for name in self.assistants.names():
            with suppress(CallError, Refused):
                ended += self.desk(name).close_idle()
        return ended


def _read_anew(file: Path, changed: int, before: _Read | None) -> _Read:
    """Read a file that has changed; a broken one is logged, once for each change."""
    try:
        return _Read(changed, load_options(file))
    except FaultyFile as error:
        kept = None if before is None else before.options
        facts = {"file": error.file, "code": error.code, "faults": error.what(), "last_good_in_force": kept is not None}
        _log.error("options", extra={"facts": facts})
        return _Read(changed, kept, error.faults)
