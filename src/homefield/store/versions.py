"""Versions of models and releases of applications: written once, never changed, numbered from 1."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, insert, select

from homefield.store import revisions
from homefield.store.columns import canonical, now
from homefield.store.database import Transaction
from homefield.store.tables import applications, model_versions, models, releases

__all__ = [
    "Application",
    "ModelVersion",
    "Release",
    "add_application",
    "add_model_version",
    "add_release",
    "application",
    "application_names",
    "last_model_version",
    "model_names",
    "model_version",
    "model_versions_of",
    "release",
    "releases_of",
]


@dataclass(frozen=True)
class ModelVersion:
    """One model. facts: what lists show of its manifest. uri: where it lies among the artifacts."""

    name: str
    version: int
    seal: str
    facts: Mapping[str, Any]
    uri: str
    made_at: datetime
    made_by: str


@dataclass(frozen=True)
class Application:
    """A named instance of `support`, `watch` or `recommend`."""

    name: str
    kind: str
    made_at: datetime
    made_by: str


@dataclass(frozen=True)
class Release:
    """What an application runs with: the manifest names everything, its seal is its SHA-256."""

    name: str
    version: int
    seal: str
    manifest: Mapping[str, Any]
    made_at: datetime
    made_by: str


def add_model_version(
    transaction: Transaction,
    name: str,
    version: int,
    *,
    seal: str,
    facts: Mapping[str, Any],
    uri: str,
    by: str,
    made_at: datetime | None = None,
) -> ModelVersion:
    """Keep a version of a model; the files must be in place already.

    Raises:
        sqlalchemy.exc.IntegrityError: there is this version.
    """
    made = ModelVersion(name, version, seal, facts, uri, made_at or now(), by)
    if transaction.execute(select(models.c.name).where(models.c.name == name)).scalar() is None:
        transaction.execute(insert(models).values(name=name, made_at=made.made_at, made_by=by))
    transaction.execute(insert(model_versions).values(vars(made)))
    revisions.bump(transaction, revisions.REGISTRY)
    return made


def model_names(transaction: Transaction) -> list[str]:
    """The models, by name."""
    return sorted(transaction.execute(select(models.c.name)).scalars())


def model_versions_of(transaction: Transaction, name: str | None = None) -> list[ModelVersion]:
    """The versions of one model, or of all, by name and number."""
    chosen = select(model_versions)
    if name is not None:
        chosen = chosen.where(model_versions.c.name == name)
    return sorted(map(_model_version, transaction.execute(chosen)), key=lambda one: (one.name, one.version))


def model_version(transaction: Transaction, name: str, version: int) -> ModelVersion | None:
    """One version of a model."""
    chosen = select(model_versions).where(model_versions.c.name == name, model_versions.c.version == version)
    row = transaction.execute(chosen).first()
    return None if row is None else _model_version(row)


def last_model_version(transaction: Transaction, name: str) -> int:
    """The highest version of a model; 0 when there is none."""
    highest = select(func.max(model_versions.c.version)).where(model_versions.c.name == name)
    return int(transaction.execute(highest).scalar() or 0)


def add_application(transaction: Transaction, name: str, kind: str, *, by: str) -> Application:
    """Keep a new application.

    Raises:
        sqlalchemy.exc.IntegrityError: there is one of this name.
    """
    made = Application(name, kind, now(), by)
    transaction.execute(insert(applications).values(vars(made)))
    revisions.bump(transaction, revisions.REGISTRY)
    return made


def application(transaction: Transaction, name: str) -> Application | None:
    """One application."""
    row = transaction.execute(select(applications).where(applications.c.name == name)).first()
    return None if row is None else Application(**row._mapping)


def application_names(transaction: Transaction) -> list[str]:
    """The applications, by name."""
    return sorted(transaction.execute(select(applications.c.name)).scalars())


def add_release(transaction: Transaction, name: str, manifest: Mapping[str, Any], *, by: str) -> Release:
    """Keep the next release of an application.

    Raises:
        sqlalchemy.exc.IntegrityError: there is no such application.
    """
    revisions.bump(transaction, revisions.REGISTRY)  # before the look: whoever adds one too waits here
    highest = transaction.execute(select(func.max(releases.c.version)).where(releases.c.name == name)).scalar()
    seal = hashlib.sha256(canonical(manifest).encode()).hexdigest()
    made = Release(name, int(highest or 0) + 1, seal, manifest, now(), by)
    transaction.execute(insert(releases).values(vars(made)))
    return made


def releases_of(transaction: Transaction, name: str) -> list[Release]:
    """The releases of an application, by number."""
    chosen = select(releases).where(releases.c.name == name).order_by(releases.c.version)
    return [Release(**row._mapping) for row in transaction.execute(chosen)]


def release(transaction: Transaction, name: str, version: int) -> Release | None:
    """One release of an application."""
    chosen = select(releases).where(releases.c.name == name, releases.c.version == version)
    row = transaction.execute(chosen).first()
    return None if row is None else Release(**row._mapping)


def _model_version(row: Row[Any]) -> ModelVersion:
    return ModelVersion(**row._mapping)
