"""The desks of a workspace by name, each with the options that stand in its file now."""

from __future__ import annotations

from contextlib import suppress
from threading import Lock

from homefield.apps.support.assistants import Assistants
from homefield.apps.support.conversation import Desk, load_options
from homefield.apps.support.conversation.options import SupportOptions, options_file
from homefield.bundle.names import check_name
from homefield.errors import CallError, Refused
from homefield.net import Allowed
from homefield.store import Store
from homefield.workspace import Workspace

__all__ = ["Desks"]


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
        self._options: dict[str, tuple[int, SupportOptions]] = {}
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
        """What its file says; read again when the file has changed.

        Raises:
            CallError: `bundle.bad_name`, `support.bad_options`.
        """
        file = options_file(self._workspace, check_name(name))
        changed = file.stat().st_mtime_ns if file.is_file() else 0
        with self._lock:
            known = self._options.get(name)
            if known is None or known[0] != changed:
                known = self._options[name] = (changed, load_options(file))
            return known[1]

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
