"""The registry: which versions a model has, where they lie, and which one is in use. The database is the one truth.

A version becomes one in two steps, its folder and then its row. Whoever dies between them leaves a whole, sealed folder
without a row; it is taken in when somebody next looks. Half a folder never is: it has no manifest.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.exc import IntegrityError

from homefield.bundle.folder import MANIFEST, Bundle, open_bundle
from homefield.bundle.manifest import BundleManifest
from homefield.bundle.names import check_name
from homefield.errors import CallError, Tampered
from homefield.store import Artifacts, Store, Transaction, aliases, artifacts_of, open_store, versions
from homefield.store.versions import ModelVersion
from homefield.workspace import Workspace

__all__ = ["Registry", "facts_of", "folder_of", "open_registry"]

ADOPTED_BY = "homefield"


@dataclass(frozen=True)
class Registry:
    """The models of a workspace: their rows in the store, their folders among the artifacts."""

    store: Store
    artifacts: Artifacts

    def register(self, bundle: Bundle, *, by: str) -> ModelVersion:
        """Keep the row of a model that lies in its place.

        Raises:
            MachineError: the database cannot be written; the folder is taken in later.
        """
        manifest = bundle.manifest
        assert manifest.name is not None
        assert manifest.version is not None
        with self.store.write() as transaction:
            return versions.add_model_version(
                transaction,
                manifest.name,
                manifest.version,
                seal=manifest.seal,
                facts=facts_of(manifest),
                uri=self.artifacts.uri(bundle.path),
                by=by,
            )

    def adopt(self) -> list[ModelVersion]:
        """Take in what lies among the artifacts without a row: a version whose maker died, or from before there were
        rows. What is not whole is left alone."""
        found = []
        with self.store.read() as transaction:
            known = {(one.name, one.version) for one in versions.model_versions_of(transaction)}
        for folder in sorted(self.artifacts.models.glob(f"*/*/{MANIFEST}")):
            name, version = folder.parts[-3], folder.parts[-2]
            if not (version.isascii() and version.isdigit()) or (name, int(version)) in known:
                continue
            try:
                bundle = open_bundle(folder.parent)
            except (CallError, Tampered):
                continue
            if (bundle.manifest.name, bundle.manifest.version) != (name, int(version)):
                continue
            try:
                found.append(self.register(bundle, by=ADOPTED_BY))
            except IntegrityError:  # its maker was only slow
                continue
        return found

    def find(self, spec: str) -> ModelVersion:
        """The version that `name`, `name@7` or `name@champion` names; a name alone is its latest.

        Raises:
            CallError: `bundle.bad_name`, `bundle.unknown_name` (with the nearest name), `bundle.unknown_version`,
                `bundle.no_alias`, `bundle.bad_reference`.
        """
        with self.store.read() as transaction:
            found = _look(transaction, spec)
        if found is None:
            self.adopt()
            with self.store.read() as transaction:
                found = _look(transaction, spec)
                if found is None:
                    raise _not_there(transaction, spec, self.artifacts.models)
        return found

    def path(self, version: ModelVersion) -> Path:
        """Where a version lies on this machine."""
        return self.artifacts.path(version.uri)

    def open(self, version: ModelVersion) -> Bundle:
        """A version, every byte compared with its manifest, and the manifest with the row.

        Raises:
            Tampered: as `open_bundle`; `bundle.other_seal`. CallError: as `open_bundle`.
        """
        bundle = open_bundle(self.path(version))
        if bundle.manifest.seal != version.seal:
            raise Tampered("bundle.other_seal", path=bundle.path, model=f"{version.name}@{version.version}")
        return bundle

    def close(self) -> None:
        """Close the database."""
        self.store.close()

    def __enter__(self) -> Registry:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_registry(workspace: Workspace) -> Registry:
    """The registry of a workspace.

    Raises:
        CallError, MachineError: as `homefield.store.open_store` and `homefield.store.artifacts_of`.
    """
    return Registry(open_store(workspace), artifacts_of(workspace))


def folder_of(spec: str, workspace: Workspace) -> Path:
    """The folder of the model that a name names.

    Raises:
        CallError: as `Registry.find`. MachineError: the database cannot be asked.
    """
    with open_registry(workspace) as registry:
        return registry.path(registry.find(spec))


def facts_of(manifest: BundleManifest) -> Mapping[str, Any]:
    """What lists and comparisons show of a model, without opening its folder."""
    return {
        "task": manifest.task,
        "output": manifest.output,
        "labels": len(manifest.labels),
        "languages": dict(manifest.languages),
        "backbone": manifest.backbone.get("name"),
        "how": manifest.how,
        "metric": manifest.metric,
        "metrics": manifest.metrics,
        "parity": manifest.parity,
        "dataset": {name: manifest.dataset.get(name) for name in ("name", "hash")},
        "created": manifest.created,
        "bytes": sum(int(file["bytes"]) for file in manifest.files.values()),
    }


def _look(transaction: Transaction, spec: str) -> ModelVersion | None:
    """The version of a reference; None when there is none, or none yet."""
    name, at, reference = spec.partition("@")
    check_name(name)
    if not at:
        last = versions.last_model_version(transaction, name)
        return versions.model_version(transaction, name, last) if last else None
    if reference in aliases.ALIASES:
        number = aliases.standing(transaction, "model", name).get((name, reference))
        return None if number is None else versions.model_version(transaction, name, number)
    if not (reference.isascii() and reference.isdigit() and len(reference) < 10):
        raise CallError("bundle.bad_reference", name=name, got=reference)
    return versions.model_version(transaction, name, int(reference))


def _not_there(transaction: Transaction, spec: str, place: Path) -> CallError:
    name, _, reference = spec.partition("@")
    listed = ", ".join(str(one.version) for one in versions.model_versions_of(transaction, name))
    if not listed:
        known = versions.model_names(transaction)
        close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        if close:
            return CallError("bundle.unknown_name", name=name, guess=close[0], place=place)
        shown = ", ".join(known[:20]) or "-"
        return CallError("bundle.unknown_name_no_guess", name=name, known=shown, place=place)
    if reference in aliases.ALIASES:
        return CallError("bundle.no_alias", name=name, alias=reference, versions=listed)
    return CallError("bundle.unknown_version", name=name, got=reference, versions=listed)
