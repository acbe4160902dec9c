"""Which approved answers stand for what agents wrote in past dialogues."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from homefield.apps.support.answers import Answer, Answers
from homefield.apps.support.templates import Template

__all__ = ["approved_for"]

ALIKE = 0.65
"""Cosine of counted pieces from which wordings say the same: of the sample shop's 312 templates all pairs above it
do, of those between 0.5 and 0.6 hardly any."""


def approved_for(templates: Sequence[Template], approved: Answers) -> dict[str, tuple[str, ...]]:
    """For each template's id the ids of the approved answers in its place; templates that none replaces are left out.

    An approved answer with the template's own id, as a proposal was decided on; else the one that is worded most alike,
    with those alike that are never given to the same customer (the rule before a change, the members' one).
    """
    found: dict[str, tuple[str, ...]] = {each.id: (each.id,) for each in templates if each.id in approved.by_id}
    rest = [each for each in templates if each.id not in found and each.id not in approved.decisions]
    known = list(approved.by_id.values())
    if not rest or not known:
        return found
    # Imported here: what answers with a release needs this module's neighbours, and no scikit-learn.
    from homefield.evaluate.retrieval import fit_tfidf

    wordings, texts = [each.text for each in rest], [each.text for each in known]
    counted = fit_tfidf([*texts, *wordings])
    alike = (counted.asked(wordings) @ counted.stored(texts).T).toarray()
    for template, scores in zip(rest, alike, strict=True):
        if chosen := _chosen(known, dict(enumerate(scores.tolist())), np.argsort(-scores, kind="stable").tolist()):
            found[template.id] = tuple(each.id for each in chosen)
    return found


def _chosen(known: Sequence[Answer], scores: Mapping[int, float], order: Sequence[int]) -> list[Answer]:
    chosen: list[Answer] = []
    for place in order:
        if scores[place] < ALIKE:
            break
        if all(known[place].excludes(other) for other in chosen):
            chosen.append(known[place])
    return chosen
