"""Models in use: promote a version through the gate, roll back, and compare, by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from homefield.bundle.registry import Registry
from homefield.errors import CallError, Refused
from homefield.events import Listener, silent
from homefield.operate.gate import MARGIN, judge_model
from homefield.operate.promote import Promotion, Subject, challenge, promote, roll_back
from homefield.store import aliases
from homefield.store.aliases import CHAMPION, Move
from homefield.store.versions import ModelVersion, model_version

__all__ = ["challenge_model", "champion_of", "promote_model", "roll_back_model"]


def champion_of(registry: Registry, name: str) -> ModelVersion | None:
    """The version of a model in use, None when none is."""
    with registry.store.read() as transaction:
        number = aliases.standing(transaction, "model", name).get((name, CHAMPION))
        return None if number is None else model_version(transaction, name, number)


def promote_model(
    registry: Registry,
    spec: str,
    rows: Path,
    *,
    by: str,
    columns: Mapping[str, str] | None = None,
    margin: float = MARGIN,
    force: bool = False,
    why: str | None = None,
    threads: int | None = None,
    listen: Listener = silent,
) -> Promotion:
    """Judge the version that `spec` names beside the champion on the records in `rows`, and promote it if it holds.

    Raises:
        CallError: no such version; `gate.is_champion`; `gate.force_needs_why`; as `judge_model`.
        Tampered: a file is not what was registered. Refused: `gate.champion_changed`.
    """
    if force and not (why or "").strip():
        raise CallError("gate.force_needs_why")
    version = registry.find(spec)
    champion = champion_of(registry, version.name)
    if champion is not None and champion.version == version.version:
        raise CallError("gate.is_champion", model=f"{version.name}@{version.version}")
    rival = None if champion is None else registry.open(champion)
    gate = judge_model(
        registry.open(version), rival, rows, columns=columns, margin=margin, threads=threads, listen=listen
    )
    subject = Subject("model", version.name, version.version)
    return promote(registry.store, subject, gate, by=by, why=why, force=force)


def challenge_model(registry: Registry, spec: str, *, by: str, why: str | None = None) -> Move:
    """Make the version that `spec` names the challenger.

    Raises:
        CallError: no such version. Tampered: a file is not what was registered.
    """
    version = registry.find(spec)
    registry.open(version)
    return challenge(registry.store, Subject("model", version.name, version.version), by=by, why=why)


def roll_back_model(registry: Registry, name: str, *, by: str, why: str | None = None) -> Move:
    """Put the version of `name` back that was in use before; its files are looked at first.

    Raises:
        CallError: no such model. Refused: `gate.nothing_before`.
        Tampered: a file of the version before is not what was registered; nothing is moved.
    """
    if "@" in name:
        raise CallError("gate.name_alone", got=name)
    registry.find(name)
    with registry.store.read() as transaction:
        before = aliases.before(transaction, "model", name, CHAMPION)
        target = None if before is None else model_version(transaction, name, before)
    if target is None:
        raise Refused("gate.nothing_before", name=name)
    registry.open(target)
    return roll_back(registry.store, "model", name, by=by, why=why)
