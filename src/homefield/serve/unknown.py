"""The unknown score while serving: how unlike the training texts a text is, quick for one row.

The squared distances of `homefield.evaluate.unknown` are written out when a model is made
(`homefield.ship.decisions.unknown_arrays`), so that one product gives all of them: with y = vector P, the distance to
class c is |y|² - 2 y·m_c + |m_c|², and that to all rows sum((y - centre)² / spread).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from homefield.serve.products import Products

if TYPE_CHECKING:
    from homefield.evaluate.calibration import Output

__all__ = ["UnknownScore"]

Floats = NDArray[np.float32]


class UnknownScore:
    """0 for a text as usual as can be, 1 for one stranger than every validation row.

    arrays: matrix `[D, D + C + 1]`, to y, to -2 y·m_c, and to what y·centre adds; sizes `[C]`, |m_c|²; squares `[D]`,
    what each number of y counts; scale `[5]`, median and width of distance and of energy, and what is taken from every
    distance; reference `[Q]`, ascending, quantiles of the sum on validation rows.
    """

    def __init__(self, arrays: Mapping[str, NDArray[np.float32]], output: Output, products: Products) -> None:
        self._products = products
        self._output = output
        self._matrix, self._sizes, self._squares = arrays["matrix"], arrays["sizes"], arrays["squares"]
        self._reference = arrays["reference"]
        self._scale = arrays["scale"].astype(np.float64)
        self._width = len(self._squares)

    def __call__(self, vectors: Floats, logits: Floats) -> NDArray[np.float64]:
        """vectors `[N, D]` and outputs `[N, C]` to scores `[N]`."""
        found = self._products.product(np.ascontiguousarray(vectors, dtype=np.float32), self._matrix)
        there, near, towards = found[:, : self._width], found[:, self._width : -1], found[:, -1]
        away = np.einsum("nd,nd,d->n", there, there, self._squares) + (near + self._sizes).min(axis=1) + towards
        middle, width, quiet, spread, rest = self._scale
        strange = (away - rest - middle) / width + (self._energy(logits) - quiet) / spread
        places = np.searchsorted(self._reference, strange.astype(np.float32), side="right")
        return np.asarray(places / len(self._reference), dtype=np.float64)

    def _energy(self, logits: Floats) -> Floats:
        """How little any output responds, `[N]`: minus the log of the summed exponentials, and its like for sets."""
        if self._output == "number":
            return np.zeros(len(logits), dtype=np.float32)
        if self._output == "categories":
            return np.asarray(-np.logaddexp(np.float32(0.0), logits).sum(axis=1), dtype=np.float32)
        highest = logits.max(axis=1)
        return np.asarray(-highest - np.log(np.exp(logits - highest[:, None]).sum(axis=1)), dtype=np.float32)
