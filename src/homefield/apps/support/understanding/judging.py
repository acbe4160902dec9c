"""How good a release is on questions with the right answers, and what its mistakes propose.

Every answer of the release is a candidate for every question. A question whose answer the release does not have is an
unknown input: right is not to answer it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from homefield.apps.support.columns import Account, find_columns
from homefield.apps.support.pairs import Asked as Row
from homefield.apps.support.pairs import read_intents, read_pairs
from homefield.apps.support.understanding.answering import ReleaseAnswerer
from homefield.apps.support.understanding.fit import Asking, Held, ask
from homefield.data.language import languages_of
from homefield.errors import RecordsError
from homefield.evaluate.significance import Difference, paired_difference

__all__ = ["Judged", "Proposal", "Verdict", "judge_release", "kept_as", "read_questions"]

_FEW, _SOME = 3, 10  # historical questions of an answer
_SHARE = 0.2  # of an answer's questions that must be taken for the other, both ways, before they are proposed as one


@dataclass(frozen=True)
class Judged:
    """N questions that were asked of a release. right: place of the matter, -1 for an unknown input."""

    questions: Sequence[str]
    right: NDArray[np.int64]
    asking: Asking
    automatic: NDArray[np.bool_]

    @property
    def correct(self) -> NDArray[np.bool_]:
        """Whether the likeliest answer is the right one, `[N]`; never for an unknown input."""
        return np.asarray((self.asking.best == self.right) & (self.right >= 0))


@dataclass(frozen=True)
class Proposal:
    """What to change in the records. kind: `merge` two answers, `split` one, `add` examples to one."""

    kind: Literal["merge", "split", "add"]
    answers: tuple[str, ...]
    rows: int
    examples: tuple[str, ...]


@dataclass(frozen=True)
class Verdict:
    """What was measured. numbers: by name. slices: name of the slice -> its numbers. baseline: words alone, on the same
    rows; difference: to it, in R@1."""

    release: str
    numbers: Mapping[str, Any]
    slices: Mapping[str, Mapping[str, Any]]
    proposals: tuple[Proposal, ...]
    baseline: float | None
    difference: Difference | None
    judged: Judged
    account: Account


def read_questions(path: Path, columns: Mapping[str, str] | None = None) -> tuple[Sequence[Row], Account]:
    """Questions with their answers, or with their intents.

    Raises:
        RecordsError: as `find_columns`; `support.no_rows`.
    """
    try:
        find_columns(path, ["answer", "question"], given=columns)
    except RecordsError as error:
        if error.code != "support.no_part":
            raise
        read = read_intents(path, columns)
    else:
        read = read_pairs(path, columns)
    if not read.rows:
        raise RecordsError("support.no_rows", file=path)
    return read.rows, read.account


def judge_release(answerer: ReleaseAnswerer, path: Path, columns: Mapping[str, str] | None = None) -> Verdict:
    """Ask every question of a file, and compare.

    Raises:
        RecordsError: as `read_questions`.
    """
    rows, account = read_questions(path, columns)
    contents = answerer.lessons.contents
    right = _right(answerer, rows)
    texts = [row.question for row in rows]
    held = Held(texts, texts, right, answerer.matcher.encode(texts))
    asking = ask(contents.recall, contents.unknown, np.array(answerer.weights), held)
    limits = answerer.thresholds
    automatic = (asking.confidence >= limits.sure) & (asking.unknown < limits.strange)
    judged = Judged(texts, right, asking, automatic)
    known = right >= 0
    baseline = difference = None
    if known.any():
        nearest = contents.recall.lexicon.nearest([texts[row] for row in np.flatnonzero(known).tolist()])
        plain = contents.recall.question_matters[nearest] == right[known]
        baseline, difference = float(plain.mean()), paired_difference(judged.correct[known], plain)
    numbers = _numbers(judged, np.ones(len(rows), np.bool_), limits.strange)
    return Verdict(
        answerer.release,
        numbers,
        _slices(answerer, judged, limits.strange),
        _proposals(answerer, judged),
        baseline,
        difference,
        judged,
        account,
    )


def _right(answerer: ReleaseAnswerer, rows: Sequence[Row]) -> NDArray[np.int64]:
    """Answers are named by their ids or written out."""
    contents = answerer.lessons.contents
    place = {answer: number for number, matter in enumerate(contents.matters) for answer in matter.answers}
    by_text = {contents.answers[name].text: number for name, number in place.items()}
    return np.array([place.get(row.answer, by_text.get(row.answer, -1)) for row in rows], dtype=np.int64)


def _numbers(judged: Judged, rows: NDArray[np.bool_], strange: float) -> dict[str, Any]:
    known, unknown = rows & (judged.right >= 0), rows & (judged.right < 0)
    rank, kept = judged.asking.rank, judged.asking.unknown < strange
    found: dict[str, Any] = {"rows": int(rows.sum()), "known": int(known.sum()), "unknown": int(unknown.sum())}
    there = known & (rank > 0)
    for most in (1, 5):
        found[f"recall_{most}"] = _share(there & (rank <= most), known)
    reciprocal = np.where(there, 1.0 / np.maximum(rank, 1), 0.0)
    found["mrr"] = float(reciprocal[known].mean()) if known.any() else None
    found["kept"] = _share(kept, known)
    found["kept_right"] = _share(judged.correct, known & kept)
    found["unknown_found"] = _share(~kept, unknown)
    automatic = rows & judged.automatic
    found["automatic"] = _share(automatic, rows)
    found["automatic_wrong"] = _share(~judged.correct, automatic)
    return found


def _share(which: NDArray[np.bool_], among: NDArray[np.bool_]) -> float | None:
    return float(which[among].mean()) if among.any() else None


def _slices(answerer: ReleaseAnswerer, judged: Judged, strange: float) -> dict[str, dict[str, Any]]:
    """By language, and by how many historical questions the right answer has."""
    import polars as pl

    contents = answerer.lessons.contents
    languages = np.array(languages_of(pl.Series(list(judged.questions), dtype=pl.String)).to_list())
    found = {f"language:{name}": languages == name for name in sorted(set(languages.tolist()))}
    counts = np.bincount(contents.recall.matters_of_questions, minlength=len(contents.matters))
    own = np.where(judged.right >= 0, counts[judged.right], -1)
    found["examples:few"] = (own >= 0) & (own <= _FEW)
    found["examples:some"] = (own > _FEW) & (own <= _SOME)
    found["examples:many"] = own > _SOME
    return {name: _numbers(judged, rows, strange) for name, rows in found.items() if rows.any()}


def _proposals(answerer: ReleaseAnswerer, judged: Judged) -> tuple[Proposal, ...]:
    """Two answers taken for each other are one; one mistaken for many has two meanings; one with few examples needs
    more."""
    contents = answerer.lessons.contents
    counts = np.bincount(contents.recall.matters_of_questions, minlength=len(contents.matters))
    wrong = np.flatnonzero((judged.right >= 0) & ~judged.correct)
    pairs = Counter((int(judged.right[row]), int(judged.asking.best[row])) for row in wrong.tolist())
    asked = Counter(judged.right[judged.right >= 0].tolist())
    missed: dict[int, list[int]] = {}
    for row in wrong.tolist():
        missed.setdefault(int(judged.right[row]), []).append(row)
    found, merged = list[Proposal](), set[int]()
    for (one, other), count in pairs.items():
        back = pairs.get((other, one), 0)
        if one < other and back and min(count / asked[one], back / asked[other]) >= _SHARE:
            rows = [row for row in missed[one] if judged.asking.best[row] == other]
            rows += [row for row in missed[other] if judged.asking.best[row] == one]
            found.append(_proposal("merge", (one, other), rows, answerer, judged))
            merged |= {one, other}
    for matter, rows in missed.items():
        others = {int(judged.asking.best[row]) for row in rows}
        if matter in merged:
            continue
        if counts[matter] <= _SOME:
            found.append(_proposal("add", (matter,), rows, answerer, judged))
        elif len(others) >= 3 and len(rows) >= _SHARE * asked[matter]:
            found.append(_proposal("split", (matter,), rows, answerer, judged))
    return tuple(sorted(found, key=lambda each: -each.rows))


def _proposal(
    kind: Literal["merge", "split", "add"],
    matters: tuple[int, ...],
    rows: Sequence[int],
    answerer: ReleaseAnswerer,
    judged: Judged,
) -> Proposal:
    names = tuple(answerer.lessons.contents.matters[matter].id for matter in matters)
    return Proposal(kind, names, len(rows), tuple(judged.questions[row] for row in rows[:5]))


def kept_as(verdict: Verdict) -> dict[str, Any]:
    """One JSON object."""
    return {
        "release": verdict.release,
        **verdict.numbers,
        "baseline": verdict.baseline,
        "difference": None if verdict.difference is None else verdict.difference.as_json(),
        "slices": verdict.slices,
        "proposals": [vars(each) for each in verdict.proposals],
        "rejected": len(verdict.account.rejected),
    }
