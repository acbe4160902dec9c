"""Where words begin in a text: Chinese ones by the dictionary and hidden Markov model of jieba (its port to Rust)."""

from __future__ import annotations

import numpy as np
import rjieba
from numpy.typing import NDArray

__all__ = ["word_starts"]


def word_starts(text: str) -> NDArray[np.bool_]:
    """For each character [N] of `text`, whether a word, a space or a sign begins with it."""
    starts = np.zeros(len(text) + 1, np.bool_)
    lengths = np.fromiter(map(len, rjieba.cut(text)), dtype=np.int64)
    starts[0] = True
    starts[np.cumsum(lengths)] = True
    return starts[:-1]
