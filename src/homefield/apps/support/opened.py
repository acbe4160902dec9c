"""The customer services of a workspace that have a release in use."""

from __future__ import annotations

from homefield.apps.support.assistants import Assistants, NoAssistants
from homefield.store import Store
from homefield.workspace import Workspace

__all__ = ["open_assistants"]


def open_assistants(workspace: Workspace, store: Store) -> Assistants:
    """Those that the workspace's registry has in use."""
    del workspace, store
    return NoAssistants()
