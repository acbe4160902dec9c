"""The customer services of a workspace that have a release in use."""

from __future__ import annotations

from homefield.apps.support.assistants import Assistants
from homefield.apps.support.understanding.opened import OpenApplications
from homefield.bundle.registry import Registry
from homefield.serve import Sessions
from homefield.store import Store, artifacts_of
from homefield.workspace import Workspace

__all__ = ["open_assistants"]


def open_assistants(
    workspace: Workspace, store: Store, *, threads: int | None = None, sessions: Sessions | None = None
) -> Assistants:
    """Those that the registry of the workspace has in use, each opened when it is first asked for.

    threads: of each network; as the workspace's settings say by default. sessions: shared with other models.
    """
    registry = Registry(store, artifacts_of(workspace))
    return OpenApplications(registry, threads=threads or workspace.settings.threads, sessions=sessions)
