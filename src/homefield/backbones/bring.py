"""Bring a backbone into the workspace, so that it is there without a network and under a name of the user's choice."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from homefield.backbones.catalogue import BackboneSource, entries, resolve
from homefield.errors import CallError
from homefield.files import new_folder
from homefield.workspace import Workspace

__all__ = ["bring"]

_NAME = re.compile(r"[\w-][\w.-]*(?:/[\w-][\w.-]*)?")
# What a backbone is read from; anything else in the folder (pickled weights, programs) stays behind.
_KINDS = (".json", ".txt", ".safetensors", ".model", ".md")


def bring(given: str, *, name: str | None = None, workspace: Workspace) -> BackboneSource:
    """Copy the backbone `given` (a folder or a hub name) into the workspace, as `name` or under its own.

    Raises:
        CallError: `backbones.bad_name`, `backbones.already_there`, `backbones.nothing_to_bring`, or as `resolve`.
        MachineError: as `resolve` and `files.new_folder`.
        RemoteError: as `resolve`.
    """
    source = resolve(given, workspace=workspace)
    if source.path is None:
        raise CallError("backbones.nothing_to_bring", name=source.name)
    called = name or source.name
    if not _NAME.fullmatch(called):
        raise CallError("backbones.bad_name", given=called)
    if called in {facts.name for facts in entries(workspace)} | {"auto"}:
        raise CallError("backbones.already_there", name=called)
    with new_folder(workspace.backbones / called.replace("/", "--", 1)) as partial:
        for file in _files(source.path):
            copy = partial / file.relative_to(source.path)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
    return resolve(called, workspace=workspace)


def _files(folder: Path) -> list[Path]:
    return [file for file in sorted(folder.rglob("*")) if file.is_file() and file.suffix in _KINDS]
