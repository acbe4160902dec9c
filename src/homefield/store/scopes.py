"""Who may do what, in words: a key carries scopes, a user has a role in each application, a role gives scopes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, get_args

__all__ = ["EVERYWHERE", "ROLES", "ROLE_SCOPES", "SCOPES", "Role", "Scope", "effective"]

Scope = Literal["predict", "feedback", "read", "records", "run", "promote", "admin"]
"""predict: ask models. feedback: send corrections. read: see models, applications, jobs, events, metrics. records: read
what customers wrote (answers kept, corrections) and upload files. run: start and stop jobs. promote: put versions into
use and roll back. admin: users, keys, the audit log, deletion, promotion against the gate."""
SCOPES: tuple[Scope, ...] = get_args(Scope)

Role = Literal["viewer", "operator", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
ROLE_SCOPES: dict[Role, frozenset[Scope]] = {
    "viewer": frozenset({"read"}),
    "operator": frozenset(SCOPES) - {"admin"},
    "admin": frozenset(SCOPES),
}
EVERYWHERE = "*"
"""The application of a role that holds in every one, and for what belongs to none."""


def effective(scopes: Iterable[str], role: Role | None) -> frozenset[str]:
    """What a key may do: its scopes; of a user's key, those that the user's role has too (None: no role, nothing)."""
    return frozenset() if role is None else frozenset(scopes) & ROLE_SCOPES[role]
