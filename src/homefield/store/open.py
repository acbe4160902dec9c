"""The database of a workspace, brought up to date."""

from __future__ import annotations

from homefield.store.database import PATIENCE, Store, connect
from homefield.store.schema import upgrade
from homefield.workspace import Workspace

__all__ = ["DATABASE", "open_store"]

DATABASE = "homefield.db"


def open_store(workspace: Workspace, *, patience: float = PATIENCE) -> Store:
    """Open the database that the settings of `workspace` name, else the file `homefield.db` in it, made when missing.

    patience: seconds that a lock is waited for.

    Raises:
        CallError: `store.bad_uri`, `store.no_driver`, `store.newer`.
        MachineError: as `homefield.store.faults.database_errors`; `store.old_postgresql`, `store.encoding`.
    """
    store = connect(workspace.settings.database or f"sqlite:///{DATABASE}", workspace.root, patience=patience)
    try:
        upgrade(store)
    except BaseException:
        store.close()
        raise
    return store
