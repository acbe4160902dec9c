"""One call of a model, from its texts to its reply; what is answered is kept in the store before the reply goes out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from homefield.messages import Language
from homefield.serve import Prediction
from homefield.serve.waiting import Call
from homefield.server.identity import Identity
from homefield.server.metrics import Metrics
from homefield.server.opened import Opened
from homefield.store import Store, new_id, now
from homefield.store import predictions as stored
from homefield.store.predictions import PredictionRow

__all__ = ["Keeper", "Question"]


@dataclass(eq=False, slots=True)
class Question:
    """What is asked and by whom. others: of pairs, the second texts. said: the predictions, once there, with `ids`."""

    opened: Opened
    texts: Sequence[str]
    identity: Identity
    request_id: str
    others: list[str] | None = None
    customer: str | None = None
    said: Sequence[Prediction] = ()
    ids: list[str] = field(default_factory=list)

    def settle(self, results: Sequence[Any]) -> None:
        """Take what the batcher gave: predictions, or the vectors of pairs."""
        self.said = results if self.others is None else self.opened.compare(results, self.others)
        self.ids = [new_id() for _ in self.said]

    def rows(self, *, texts: bool) -> list[PredictionRow]:
        """What the store keeps. texts: whether that includes what was asked."""
        opened, moment = self.opened, now()
        pairs = [None] * len(self.texts) if self.others is None else self.others
        return [
            PredictionRow(
                id=one,
                model=opened.name,
                version=opened.version,
                seal=opened.seal,
                request_id=self.request_id,
                key_id=self.identity.key_id,
                customer=self.customer,
                text=_kept(text, other) if texts else None,
                output=_output(said),
                at=moment,
            )
            for one, text, other, said in zip(self.ids, self.texts, pairs, self.said, strict=True)
        ]

    def reply(self, language: Language) -> bytes:
        """The predictions as JSON, in order."""
        told = [
            {"id": one, **said.as_json(), "why": said.why(language), "model": self.opened.title}
            for one, said in zip(self.ids, self.said, strict=True)
        ]
        whole = {"model": self.opened.name, "version": self.opened.version, "predictions": told}
        return json.dumps(whole, ensure_ascii=False, allow_nan=False).encode("utf-8", "backslashreplace")


class Keeper:
    """Keeps the questions that a batch completed, in one transaction.

    Args:
        store: where.
        texts: whether what was asked is kept beside the answers.
        metrics: counts the answers.
    """

    def __init__(self, store: Store, *, texts: bool, metrics: Metrics) -> None:
        self._store, self._texts, self._metrics = store, texts, metrics

    def __call__(self, calls: Sequence[Call]) -> None:
        """Settle each call's question, and write all of them down."""
        rows: list[PredictionRow] = []
        for call in calls:
            question = call.note
            if isinstance(question, Question):
                question.settle(call.results)
                rows += question.rows(texts=self._texts)
                for said in question.said:
                    self._metrics.answers.labels(question.opened.name, said.decision).inc()
        if rows:
            with self._store.write() as transaction:
                stored.record(transaction, rows)


def _kept(text: str, other: str | None) -> str:
    return text if other is None else json.dumps([text, other], ensure_ascii=False)


def _output(said: Prediction) -> dict[str, Any]:
    """A prediction without its evidence, which its model has."""
    told = said.as_json()
    del told["evidence"], told["model"]
    return told
