"""Put a version into use, or the one before it back: through the gate, on the record, seen by every running server.

The same for models and for releases of applications: a subject has a kind, a name and a version, and comes with the
gate it went through. Where the alias stands, the audit entry and the event are kept together or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from homefield.errors import CallError, Refused
from homefield.operate.gate import Gate
from homefield.store import Store, Transaction, aliases, audit, events
from homefield.store.aliases import CHAMPION, Kind, Move

__all__ = ["TOPIC", "Promotion", "Subject", "challenge", "promote", "roll_back"]

TOPIC = "registry"


@dataclass(frozen=True)
class Subject:
    """What is put into use: version 7 of the model `shop`, release 3 of the application `desk`."""

    kind: Kind
    name: str
    version: int

    @property
    def title(self) -> str:
        """`shop@7`."""
        return f"{self.name}@{self.version}"


@dataclass(frozen=True)
class Promotion:
    """What came of it. moved: None when the gate said no. forced: it said no, and somebody overruled it."""

    subject: Subject
    gate: Gate
    moved: Move | None
    forced: bool

    def as_json(self) -> dict[str, Any]:
        """One JSON object."""
        return {
            "kind": self.subject.kind,
            "name": self.subject.name,
            "version": self.subject.version,
            "promoted": self.moved is not None,
            "forced": self.forced,
            "gate": self.gate.as_json(),
        }


def promote(
    store: Store, subject: Subject, gate: Gate, *, by: str, why: str | None = None, force: bool = False
) -> Promotion:
    """Make a version the champion if its gate holds, or if somebody forces it and says why.

    Raises:
        CallError: `gate.force_needs_why`.
        Refused: `gate.champion_changed`: another version came into use while this one was judged.
    """
    if force and not (why or "").strip():
        raise CallError("gate.force_needs_why")
    forced = force and not gate.passed
    details = {"alias": CHAMPION, "version": subject.version, "forced": forced, "why": why, "gate": gate.as_json()}
    if not gate.passed and not force:
        with store.write() as transaction:
            audit.append(transaction, by, f"{subject.kind}.refused", subject.title, details)
        return Promotion(subject, gate, None, False)
    with store.write() as transaction:
        moved = aliases.move(transaction, subject.kind, subject.name, CHAMPION, subject.version, by=by, why=why)
        # The move waited for every other one, so what it found in place is what it replaces.
        if (replaced := _replaced(transaction, moved)) != gate.against:
            raise Refused("gate.champion_changed", name=subject.name, judged=gate.against or "-", found=replaced or "-")
        _tell(transaction, moved, f"{subject.kind}.promote", {**details, "from": replaced})
    return Promotion(subject, gate, moved, forced)


def challenge(store: Store, subject: Subject, *, by: str, why: str | None = None) -> Move:
    """Make a version the challenger: looked at beside the champion, answering nobody, so no gate stands before it."""
    with store.write() as transaction:
        moved = aliases.move(
            transaction, subject.kind, subject.name, aliases.CHALLENGER, subject.version, by=by, why=why
        )
        _tell(transaction, moved, f"{subject.kind}.challenge", {"alias": moved.alias, "version": moved.version})
    return moved


def roll_back(store: Store, kind: Kind, name: str, *, by: str, why: str | None = None) -> Move:
    """Put the version back that was champion before the present one; again, the one before that.

    Raises:
        Refused: `gate.nothing_before`.
    """
    with store.write() as transaction:
        stood = aliases.standing(transaction, kind, name).get((name, CHAMPION))
        moved = aliases.roll_back(transaction, kind, name, CHAMPION, by=by, why=why)
        if moved is None:
            raise Refused("gate.nothing_before", name=name)
        details = {"alias": CHAMPION, "version": moved.version, "from": stood, "why": why}
        _tell(transaction, moved, f"{kind}.rollback", details)
    return moved


def _replaced(transaction: Transaction, moved: Move) -> int | None:
    before = aliases.history(transaction, moved.kind, moved.name, moved.alias)[1:2]
    return before[0].version if before else None


def _tell(transaction: Transaction, moved: Move, what: str, details: dict[str, Any]) -> None:
    audit.append(transaction, moved.by, what, f"{moved.name}@{moved.version}", details)
    data = {"kind": moved.kind, "name": moved.name, "alias": moved.alias, "version": moved.version, "what": what}
    events.append(transaction, TOPIC, data)
