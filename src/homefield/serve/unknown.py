"""The unknown score while serving: the numbers of `homefield.evaluate.unknown`, quick for one row."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from homefield.evaluate.calibration import Output
from homefield.evaluate.unknown import SUBTRACT, UnknownModel, energy
from homefield.serve.products import Products

__all__ = ["UnknownScore"]

Floats = NDArray[np.float32]


class UnknownScore:
    """How unlike the training texts a text is, 0 to 1.

    The squared distances of `UnknownModel` written out, so that one product gives all of them: with y = vector P, the
    distance to class c is |y|² - 2 y·m_c + |m_c|², and that to all rows sum((y - centre)² / spread).
    """

    def __init__(self, arrays: Mapping[str, NDArray[np.float32]], output: Output, products: Products) -> None:
        model = UnknownModel.of(arrays, output)
        self._products = products
        self._output = output
        self._width = model.projection.shape[1]
        weight = SUBTRACT / model.spread
        columns = [
            model.projection,
            -2.0 * (model.projection @ model.means.T),
            (2.0 * model.projection @ (weight * model.centre))[:, None],
        ]
        self._matrix = np.ascontiguousarray(np.concatenate(columns, axis=1), dtype=np.float32)
        self._sizes = np.square(model.means).sum(axis=1)
        self._squares = (1.0 - weight).astype(np.float32)
        self._rest = float((weight * np.square(model.centre)).sum())
        self._scale = model.scale.astype(np.float64)
        self._reference = model.reference

    def __call__(self, vectors: Floats, logits: Floats) -> NDArray[np.float64]:
        """vectors `[N, D]` and outputs `[N, C]` to scores `[N]`."""
        found = self._products.product(np.ascontiguousarray(vectors, dtype=np.float32), self._matrix)
        there, near, towards = found[:, : self._width], found[:, self._width : -1], found[:, -1]
        away = np.einsum("nd,nd,d->n", there, there, self._squares) + (near + self._sizes).min(axis=1) + towards
        scale = self._scale
        strange = (away - self._rest - scale[0]) / scale[1] + (self._energy(logits) - scale[2]) / scale[3]
        places = np.searchsorted(self._reference, strange.astype(np.float32), side="right")
        return np.asarray(places / len(self._reference), dtype=np.float64)

    def _energy(self, logits: Floats) -> Floats:
        if self._output != "category":
            return energy(logits, self._output)
        highest = logits.max(axis=1)
        result: Floats = -highest - np.log(np.exp(logits - highest[:, None]).sum(axis=1))
        return result
