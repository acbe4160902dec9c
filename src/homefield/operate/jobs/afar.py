"""What jobs tell as those see it who do not sit at the machine: datasets and runs by name, and where nothing lies.

Results, arguments given at the machine and errors hold paths, which are of use here and nowhere else: from another
machine they only say how this one is built.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from homefield.store import artifacts_of
from homefield.workspace import Workspace

__all__ = ["from_afar"]

_PART = r"[^/\s'\"`<>|,;:，。；：、（）“”‘’‹›]+"
# An absolute path in a sentence; not the later parts of a relative one, of an address or of a fraction.
_ABSOLUTE = re.compile(rf"(?<![\w.~/:-])~?/(?:{_PART}/)*({_PART})")


def from_afar(value: Any, workspace: Workspace) -> Any:
    """Plain values with every absolute path in them cut: to what a name in the workspace is, else to its last part."""
    roots = {workspace.datasets, workspace.runs, artifacts_of(workspace).root, workspace.root}
    known = {f"{form}/" for root in roots for form in (root, root.absolute(), root.resolve())}
    return _cut(value, sorted(known, key=len, reverse=True))


def _cut(value: Any, known: list[str]) -> Any:
    if isinstance(value, str):
        if "/" not in value:
            return value
        for root in known:
            value = value.replace(root, "")
        return _ABSOLUTE.sub(r"\1", value)
    if isinstance(value, Mapping):
        return {name: _cut(each, known) for name, each in value.items()}
    return [_cut(each, known) for each in value] if isinstance(value, list) else value
