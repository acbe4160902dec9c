"""Releases of an application by name: registered, found, opened, put into use. The database is the one truth."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from homefield.bundle.names import check_name
from homefield.bundle.registry import Registry
from homefield.errors import CallError
from homefield.store import aliases, versions
from homefield.store.aliases import ALIASES, CHAMPION
from homefield.store.versions import Release

__all__ = [
    "KIND",
    "every_release",
    "find_release",
    "folder_of_release",
    "names_in_use",
    "register_release",
    "release_of_job",
    "releases_folder",
]

KIND = "support"


def releases_folder(registry: Registry, name: str) -> Path:
    """Where the releases of an application lie."""
    return registry.artifacts.root / "releases" / check_name(name)


def folder_of_release(registry: Registry, release: Release) -> Path:
    """Where one release lies."""
    return releases_folder(registry, release.name) / str(release.manifest["folder"])


def register_release(registry: Registry, name: str, manifest: Mapping[str, Any], *, by: str) -> Release:
    """Keep the row of a release whose folder lies in its place, as the next of `name`.

    Raises:
        CallError: `support.other_kind`: there is another kind of application of this name.
    """
    with registry.store.write() as transaction:
        known = versions.application(transaction, name)
        if known is not None and known.kind != KIND:
            raise CallError("support.other_kind", name=name, kind=known.kind)
        if known is None:
            versions.add_application(transaction, name, KIND, by=by)
        return versions.add_release(transaction, name, manifest, by=by)


def find_release(registry: Registry, spec: str) -> Release:
    """The release that `name` (the champion; while there is none the latest), `name@3` or `name@champion` names.

    Raises:
        CallError: `bundle.bad_name`, `support.no_such_name`, `support.no_such_release`.
    """
    name, at, reference = spec.partition("@")
    check_name(name)
    with registry.store.read() as transaction:
        known = versions.application(transaction, name)
        found = versions.releases_of(transaction, name) if known is not None and known.kind == KIND else []
        if not found:
            raise CallError("support.no_such_name", name=name)
        standing = aliases.standing(transaction, "application", name)
    numbers = {release.version: release for release in found}
    wanted: int | None
    if not at:
        wanted = standing.get((name, CHAMPION), found[-1].version)
    elif reference in ALIASES:
        wanted = standing.get((name, reference))
    else:
        wanted = int(reference) if reference.isascii() and reference.isdigit() and len(reference) < 10 else None
    if wanted not in numbers:
        raise CallError("support.no_such_release", spec=spec, known=", ".join(map(str, numbers)))
    return numbers[wanted]


def release_of_job(registry: Registry, name: str, job: str) -> Release | None:
    """The release that an earlier attempt of a job has made."""
    with registry.store.read() as transaction:
        found = versions.releases_of(transaction, name)
    return next((release for release in found if release.manifest.get("job") == job), None)


def every_release(registry: Registry) -> list[tuple[Release, tuple[str, ...]]]:
    """The releases of all applications of this kind, by name and number, each with its aliases."""
    with registry.store.read() as transaction:
        stands = aliases.standing(transaction, "application")
        found = [
            release
            for name in versions.application_names(transaction)
            if (known := versions.application(transaction, name)) is not None and known.kind == KIND
            for release in versions.releases_of(transaction, name)
        ]
    return [
        (release, tuple(alias for alias in ALIASES if stands.get((release.name, alias)) == release.version))
        for release in found
    ]


def names_in_use(registry: Registry) -> list[str]:
    """The applications of this kind that have a release."""
    with registry.store.read() as transaction:
        names = [
            name
            for name in versions.application_names(transaction)
            if (known := versions.application(transaction, name)) is not None and known.kind == KIND
        ]
        return [name for name in names if versions.releases_of(transaction, name)]
