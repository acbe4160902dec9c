"""How far the forms of one model may part: as trained, as exported, as quantised. The export measures, the truth gate
reads what was measured."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

__all__ = ["CHANCE", "DROP", "KEPT_TOLERANCE", "TOLERANCE", "alike"]

TOLERANCE = 1e-3
# What a run kept of its held-out rows may come from cached states in 16 bits: 1.1e-3 on banking77 with `top:2`.
KEPT_TOLERANCE = 2e-2
DROP = 0.005
CHANCE = 0.05

_ALLOWED = {"weights": KEPT_TOLERANCE, "merged": TOLERANCE, "fp32": TOLERANCE}


def alike(parity: Mapping[str, Any]) -> bool:
    """Whether a model's own record says that its forms answer alike, within the tolerances of the export.

    parity: of the manifest. A form that was not measured is not alike; `weights` alone may be missing, where a run kept
    no outputs to compare with.
    """
    for form, allowed in _ALLOWED.items():
        gap = parity.get(form, 0.0 if form == "weights" else math.inf)
        if not gap <= allowed:
            return False
    quantised = parity.get("int8")
    if not isinstance(quantised, Mapping):
        return False
    small = float(quantised.get("drop", math.inf)) <= DROP + 1e-12
    # Vectors keep no p; there the export itself tells a loss from chance.
    return small or float(quantised.get("p", 1.0 if "cosine" in quantised else 0.0)) >= CHANCE
