"""What is done to what is in use: versions promoted and put back, customers forgotten. Part of the Python API."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from homefield.errors import CallError
from homefield.events import Listener, silent
from homefield.workspace import Workspace, find_workspace, local_user

if TYPE_CHECKING:
    from homefield.operate.forget import Gone
    from homefield.operate.promote import Promotion
    from homefield.store.aliases import Move

__all__ = ["challenge", "forget", "promote", "rollback"]


def promote(
    model: str,
    rows: str | PathLike[str] | None,
    *,
    columns: Mapping[str, str] | None = None,
    margin: float | None = None,
    force: bool = False,
    why: str | None = None,
    workspace: Workspace | None = None,
    listen: Listener = silent,
) -> Promotion:
    """Make a version of a model the champion, if the truth gate holds on `rows`; or by force, with a reason.

    rows: a file of records with the right answers, or a dataset folder, whose test split it then is. margin: how much
    worse than the champion it may be, in units of the metric; 0.005 when None.

    Raises:
        CallError: no such version, no rows, `force` without `why`.
        Tampered: a file is not what was registered.
    """
    from homefield.bundle.registry import open_registry
    from homefield.operate.gate import MARGIN
    from homefield.operate.registry import promote_model

    if rows is None:
        raise CallError("gate.no_rows", model=model)
    place = workspace or find_workspace()
    with open_registry(place) as registry:
        return promote_model(
            registry,
            model,
            Path(rows),
            by=local_user(),
            columns=columns,
            margin=MARGIN if margin is None else margin,
            force=force,
            why=why,
            threads=place.settings.threads,
            listen=listen,
        )


def challenge(model: str, *, why: str | None = None, workspace: Workspace | None = None) -> Move:
    """Make a version of a model the challenger, to be looked at beside the champion.

    Raises:
        CallError: no such version. Tampered: a file is not what was registered.
    """
    from homefield.bundle.registry import open_registry
    from homefield.operate.registry import challenge_model

    with open_registry(workspace or find_workspace()) as registry:
        return challenge_model(registry, model, by=local_user(), why=why)


def rollback(name: str, *, why: str | None = None, workspace: Workspace | None = None) -> Move:
    """Put the version of a model back that was champion before the present one.

    Raises:
        CallError: no such model. Refused: `gate.nothing_before`. Tampered: the version before is not what it was.
    """
    from homefield.bundle.registry import open_registry
    from homefield.operate.registry import roll_back_model

    with open_registry(workspace or find_workspace()) as registry:
        return roll_back_model(registry, name, by=local_user(), why=why)


def forget(customer: str, *, workspace: Workspace | None = None) -> Gone:
    """Delete everything that the workspace holds of a customer, and leave their rows out of datasets to come.

    Datasets and models made before, and backups, are not reached.

    Raises:
        CallError: `forget.nobody`. MachineError: the database is away; nothing was deleted then.
    """
    from homefield.operate.forget import forget_customer
    from homefield.store import open_store

    with open_store(workspace or find_workspace()) as store:
        return forget_customer(store, customer, by=local_user())
