"""Values of every kind as what JSON knows, for whatever is printed, stored or sent."""

from __future__ import annotations

import dataclasses
import datetime
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["plain"]


def plain(value: object) -> Any:
    """`value` made of what JSON knows. A number that is not finite becomes null."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, (set, frozenset)):
        return sorted((plain(each) for each in value), key=str)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in dataclasses.fields(value)}
    for method in ("model_dump", "tolist", "as_dict"):  # pydantic, numpy, our own
        if callable(found := getattr(value, method, None)):
            return plain(found())
    return str(value) if isinstance(value, Path) else repr(value) if callable(value) else str(value)
