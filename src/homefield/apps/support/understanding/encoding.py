"""Questions and answers as vectors, each by the network of its language.

A network that reads one language well is poor in another, so records in two languages are learned by two networks. Each
has places of its own in a vector, the others stay zero: texts in two languages have cosine 0, and everything behind the
vectors is the same for one network and for several.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from homefield.apps.support.history import question_in
from homefield.data.language import language_of
from homefield.serve import Matcher

__all__ = ["Encoder", "network_for"]


@dataclass(frozen=True)
class Encoder:
    """Several networks as one. networks: by language; the first also reads what is in none of theirs."""

    networks: Mapping[str, Matcher]

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of length 1 `[N, D]`, D the sum of the networks' widths."""
        languages = tuple(self.networks)
        if len(languages) == 1:
            return self.networks[languages[0]].encode(texts)
        read = np.array([languages.index(network_for(text, languages)) for text in texts], dtype=np.int64)
        vectors = np.zeros((len(texts), sum(each.manifest.width for each in self.networks.values())), np.float32)
        start = 0
        for place, matcher in enumerate(self.networks.values()):
            rows, end = np.flatnonzero(read == place), start + matcher.manifest.width
            if len(rows):
                vectors[rows, start:end] = matcher.encode([texts[row] for row in rows.tolist()])
            start = end
        return vectors


def network_for(text: str, languages: Sequence[str]) -> str:
    """Which of `languages` a text is read in: that of the question, then that of what was said before it, else the
    first."""
    for part in (question_in(text), text):
        if (found := language_of(part)) in languages:
            return found
    return languages[0]
