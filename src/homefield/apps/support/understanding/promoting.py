"""Releases of customer services go through the same door as models: judged on rows, promoted, rolled back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from homefield.apps.support.conversation.options import HandoffOptions
from homefield.apps.support.understanding.judging import Verdict, judge_release
from homefield.apps.support.understanding.opened import open_answerer
from homefield.apps.support.understanding.release import models_of
from homefield.apps.support.understanding.releases import find_release
from homefield.bundle.registry import Registry
from homefield.errors import CallError, Refused
from homefield.evaluate.significance import Difference, paired_difference
from homefield.operate.gate import MARGIN, Check, Gate, alike_check
from homefield.operate.promote import Promotion, Subject, promote, roll_back
from homefield.store import aliases, versions
from homefield.store.aliases import CHAMPION, Move
from homefield.store.versions import Release

__all__ = ["first_gate", "promote_release", "roll_back_release"]

# Thresholds are chosen anew for each release: of five cuts of banking77 (benchmarks/support_quality.py risk) the share
# answered automatically was 52 to 71 %. Only a fall surely beyond that spread's half stops a release.
_FALL = 0.1


def promote_release(
    registry: Registry,
    spec: str,
    rows: Path,
    *,
    by: str,
    columns: Mapping[str, str] | None = None,
    handoff: HandoffOptions | None = None,
    margin: float = MARGIN,
    force: bool = False,
    why: str | None = None,
) -> Promotion:
    """Judge a release beside the one in use on questions with the right answers, and promote it if it holds.

    handoff: what the company gives to humans.

    Raises:
        CallError: as `find_release`; `support.in_use`, `gate.force_needs_why`.
        RecordsError: the questions cannot be used. Refused: `gate.champion_changed`.
    """
    release = find_release(registry, spec if "@" in spec else f"{spec}@{_latest(registry, spec)}")
    against = _champion(registry, release.name)
    if against == release.version:
        raise CallError("support.in_use", release=f"{release.name}@{release.version}")
    every = [open_answerer(registry, f"{release.name}@{each}") for each in (release.version, against) if each]
    verdict, *rivals = (judge_release(each, rows, columns, handoff=handoff, beside=every) for each in every)
    checks = [*_alike(registry, release), _better(release, verdict.difference, len(verdict.judged.questions))]
    for rival in rivals:
        checks.append(_not_worse(verdict, rival, margin))
        checks += _automatic(verdict, rival, _budget(release), _budget(find_release(registry, rival.release)), margin)
    gate = Gate(tuple(checks), against, len(verdict.judged.questions), rows.name)
    subject = Subject("application", release.name, release.version)
    return promote(registry.store, subject, gate, by=by, why=why, force=force)


def first_gate(
    registry: Registry, release: Release, right: NDArray[np.bool_], plain: NDArray[np.bool_], *, by: str
) -> Promotion | None:
    """Put the first release of an application into use if it beats words alone on its calibration questions; None where
    there is one in use."""
    if _champion(registry, release.name) is not None:
        return None
    difference = paired_difference(right, plain) if len(right) else None
    checks = (*_alike(registry, release), _better(release, difference, len(right)))
    gate = Gate(checks, None, len(right), "calibration")
    return promote(registry.store, Subject("application", release.name, release.version), gate, by=by)


def roll_back_release(registry: Registry, name: str, *, by: str, why: str | None = None) -> Move:
    """Put the release of `name` back that was in use before; its files are looked at first.

    Raises:
        CallError: no such application. Refused: `support.nothing_before`. Tampered: nothing is moved.
    """
    if "@" in name:
        raise CallError("gate.name_alone", got=name)
    find_release(registry, name)
    with registry.store.read() as transaction:
        before = aliases.before(transaction, "application", name, CHAMPION)
    if before is None:
        raise Refused("support.nothing_before", name=name)
    open_answerer(registry, f"{name}@{before}")
    return roll_back(registry.store, "application", name, by=by, why=why)


def _better(release: Release, difference: Difference | None, rows: int) -> Check:
    """Better than the historical question that shares most words, on the same rows; None where no right answer of
    theirs is known."""
    if difference is None:
        return Check("no_known", False, {"release": f"{release.name}@{release.version}", "rows": rows})
    return Check("baseline", difference.mean > 0, {"metric": "recall_1", "rows": rows}, difference)


def _alike(registry: Registry, release: Release) -> list[Check]:
    """Of every network."""
    models = models_of(release.manifest)
    return [alike_check(registry.open(registry.find(f"{each['name']}@{each['version']}"))) for each in models]


def _not_worse(verdict: Verdict, rival: Verdict, margin: float) -> Check:
    """On rows that either knows the answer of: an answer that one of them lacks is a mistake of its own."""
    rows = (verdict.judged.right >= 0) | (rival.judged.right >= 0)
    difference = paired_difference(verdict.judged.correct[rows], rival.judged.correct[rows])
    values = {"champion": rival.release, "rows": int(rows.sum()), "margin": f"{100 * margin:g}"}
    return Check("champion", difference.low > -margin, values, difference)


def _automatic(verdict: Verdict, rival: Verdict, budget: float, before: float, margin: float) -> list[Check]:
    """What is answered without a human, of all rows: not surely fewer questions, unless the risk budget became smaller,
    and not surely more wrong answers, unless it became larger. Each is what the company asked for then."""
    own, other = verdict.judged, rival.judged
    more = paired_difference(own.automatic, other.automatic)
    wrong, others_wrong = own.automatic & ~own.correct, other.automatic & ~other.correct
    worse = paired_difference(wrong, others_wrong)
    shares = ((own.automatic, other.automatic), (wrong, others_wrong))
    told = [
        {"champion": rival.release, "rows": len(one), "rate": _percent(one), "before": _percent(two)}
        for one, two in shares
    ]
    return [
        Check("automatic", budget < before or more.high >= -_FALL, told[0], more),
        Check("automatic_wrong", budget > before or worse.low <= margin, told[1], worse),
    ]


def _percent(rows: NDArray[np.bool_]) -> str:
    return f"{100 * rows.mean():.1f} %"


def _budget(release: Release) -> float:
    """Its risk budget, 1 where it has none."""
    risk = release.manifest["risk"]
    return float(risk["risk"]) if isinstance(risk, dict) else 1.0


def _champion(registry: Registry, name: str) -> int | None:
    with registry.store.read() as transaction:
        return aliases.standing(transaction, "application", name).get((name, CHAMPION))


def _latest(registry: Registry, name: str) -> int:
    find_release(registry, name)
    with registry.store.read() as transaction:
        return versions.releases_of(transaction, name)[-1].version
