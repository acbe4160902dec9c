"""Intervals for numbers: how far off a prediction is at most, for so many of a hundred rows.

Split conformal prediction (Lei, G'Sell, Rinaldo, Tibshirani & Wasserman 2018, "Distribution-Free Predictive Inference
for Regression", theorem 2.2): the spread of the errors on rows nobody has seen is a valid interval for the next row.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["half_width"]


def half_width(residuals: NDArray[np.floating], miss: float = 0.1) -> float:
    """The h for which prediction ± h holds the true number of a new row with probability at least 1 - miss.

    Args:
        residuals: true minus predicted on the calibration rows, `[N]`.
        miss: the share of rows that may lie outside.

    Returns:
        The ceil((N + 1)(1 - miss))-th smallest absolute residual; infinity when N is too small for that.
    """
    rows = len(residuals)
    rank = math.ceil((rows + 1) * (1 - miss) - 1e-9)
    if rank > rows:
        return math.inf
    return float(np.partition(np.abs(np.asarray(residuals, dtype=np.float64)), rank - 1)[rank - 1])
