"""One question that agents answered in two ways: the answer given more often stands, the others are put aside.

A file of pairs may lead a question to one answer only. What stands aside is shown, never dropped without a word: it
may be a contradiction, or a question that says too little when it stands alone ("and shipping?").
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from homefield.apps.support.answers import plain_question
from homefield.apps.support.exchanges import Exchange
from homefield.apps.support.templates import Template
from homefield.data.times import parse_times

__all__ = ["Disputed", "disputed_in"]


@dataclass(frozen=True)
class Disputed:
    """A question and two answers to it in one language. times: how often it led to `kept`.

    aside: the exchanges in which it led to `other`, which are not proposed as pairs.
    """

    question: str
    kept: Template
    times: int
    other: Template
    aside: tuple[Exchange, ...]


def disputed_in(templates: Sequence[Template]) -> tuple[Disputed, ...]:
    """Every question that led to several templates, with each of those that it no longer leads to.

    The template stands that the question led to more often; of equals the one that it led to last.
    """
    every = [(template, exchange) for template in templates for exchange in template.exchanges]
    times = parse_times(pl.Series([exchange.time for _, exchange in every], dtype=pl.String)).to_list()
    led: dict[tuple[str, str], dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for place, (template, exchange) in enumerate(every):
        led[plain_question(exchange.question), template.language][template.id].append(place)

    def weight(places: Sequence[int]) -> tuple[int, datetime]:
        return len(places), max(times[place] or datetime.min for place in places)

    found = []
    for ways in (list(ways.values()) for ways in led.values() if len(ways) > 1):
        first, *rest = sorted(ways, key=weight, reverse=True)
        kept, asked = every[first[0]]
        for places in rest:
            aside = tuple(every[place][1] for place in places)
            found.append(Disputed(asked.question, kept, len(first), every[places[0]][0], aside))
    return tuple(found)
