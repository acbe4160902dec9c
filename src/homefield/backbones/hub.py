"""The one place that may ask a hub for files, and only for a name that the user gave while the settings allow it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from homefield.errors import MachineError, RemoteError

__all__ = ["fetch", "hub_off"]

_WANTED = ("*.json", "*.txt", "*.safetensors", "*.model", "README.md")


@contextmanager
def hub_off() -> Iterator[None]:
    """Keep every library below from calling a hub while files are read from a folder."""
    names = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_DISABLE_TELEMETRY")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def fetch(name: str, *, offline: bool) -> Path:
    """The folder with the files of hub name `name`; from the hub's own cache on this disk when offline.

    Raises:
        MachineError: `backbones.missing_offline`.
        RemoteError: `backbones.hub_failed`.
    """
    # Imported here: it takes a second, and most commands never need a hub.
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, allow_patterns=list(_WANTED), local_files_only=offline))
    except LocalEntryNotFoundError as error:
        if offline:
            raise MachineError("backbones.missing_offline", name=name) from error
        raise RemoteError("backbones.hub_failed", name=name, fault=error) from error
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        raise RemoteError("backbones.hub_failed", name=name, fault=error) from error
