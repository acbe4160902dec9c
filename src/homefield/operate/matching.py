"""Judge a model that gives vectors: on pairs with the right answers, beside TF-IDF and BM25, and another model.

Candidates are the distinct others of the file and the texts the model carries.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homefield.bundle import BundleManifest, open_bundle
from homefield.errors import CallError
from homefield.evaluate.assessment import Measured, Standing, plain, standing
from homefield.evaluate.matching import (
    MatchAssessment,
    SameCurve,
    assess_match,
    match_difference,
    match_ranks,
    pair_scores,
)
from homefield.evaluate.pairs import PairRows, distinct
from homefield.evaluate.report.match import MatchReport, write_match_report
from homefield.evaluate.risk import RiskThreshold
from homefield.evaluate.significance import Difference
from homefield.events import Event, Listener, silent
from homefield.messages import Language
from homefield.operate.labelled import read_pairs
from homefield.serve import Matcher
from homefield.serve.predictor import CHUNK

__all__ = ["MatchAgainst", "MatchVerdict", "judge_match"]

Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class MatchAgainst:
    """Another model on the same rows and candidates. difference: the judged model less this one, in the
    metric that decides."""

    model: str
    measured: Measured
    difference: Difference

    @property
    def verdict(self) -> Standing:
        """The judged model is `better`, `worse`, or neither is proven."""
        found = standing(self.difference)
        assert found is not None
        return found


@dataclass(frozen=True)
class MatchVerdict:
    """What was found. skipped: rows not judged, by reason. seconds: stage -> seconds."""

    model: str
    file: str
    assessment: MatchAssessment
    skipped: Mapping[str, int]
    against: MatchAgainst | None
    seconds: Mapping[str, float]
    manifest: BundleManifest

    @property
    def worse(self) -> bool:
        """Whether the answer is no: the other model is proven better on these rows."""
        return self.against is not None and self.against.verdict == "worse"

    def as_json(self) -> dict[str, Any]:
        """One JSON object."""
        against = None
        if self.against is not None:
            against = {
                "model": self.against.model,
                "numbers": plain(self.against.measured.numbers),
                "intervals": plain(self.against.measured.intervals),
                "difference": plain(self.against.difference.as_json()),
                "verdict": self.against.verdict,
            }
        return {
            "model": self.model,
            "file": self.file,
            "rows": self.assessment.rows,
            "skipped": dict(self.skipped),
            "seconds": dict(self.seconds),
            "assessment": self.assessment.as_json(),
            "against": against,
        }

    def write_report(self, path: Path, *, language: Language | None = None) -> None:
        """Write `report.html` to `path`, and the same numbers beside it as JSON.

        Raises:
            MachineError: the disk is full or may not be written.
        """
        rows = {"file": self.file, "rows": {"judged": self.assessment.rows, **self.skipped}}
        model = {"model": self.model, "backbone": self.manifest.backbone.get("name"), "train": self.manifest.how}
        made = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M")
        data = MatchReport(self.model, self.assessment, dataset=rows, recipe=model, seconds=self.seconds, created=made)
        write_match_report(path, data, language=language)


def judge_match(
    model: Path,
    file: Path,
    *,
    columns: Mapping[str, str] | None = None,
    against: Path | None = None,
    threads: int | None = None,
    listen: Listener = silent,
) -> MatchVerdict:
    """Judge the model in the folder `model` on the pairs in `file`.

    Args:
        model: a model folder whose output is `vector`.
        file: records with text and other, and perhaps same.
        columns: role -> column name; roles not named are guessed.
        against: another such model, judged on the same rows and candidates.
        threads: of the networks.
        listen: is told what happens.

    Raises:
        RecordsError: the records cannot be read, or have no text or other.
        CallError: `judge.outputs`; as `open_bundle`.
        Tampered: as `open_bundle`.
    """
    matcher = Matcher(open_bundle(model), threads=threads)
    rival = None if against is None else open_bundle(against)
    if rival is not None and rival.manifest.output != "vector":
        raise CallError("judge.outputs", first="vector", second=rival.manifest.output, against=against)
    clean = matcher.network.reader.clean
    pairs, skipped = read_pairs(file, columns=columns or {}, clean=lambda text: clean(text)[0], listen=listen)
    began = time.perf_counter()
    stored = distinct(str(text) for text in matcher.bundle.evidence_rows()["text"].to_list())
    strings = distinct([*pairs.strings, *stored])
    own, further = _vectors(matcher, pairs, strings, stored, listen)
    scored = time.perf_counter()
    listen(Event("stage", "judge.counting"))
    values, risk = matcher.manifest.match, matcher.manifest.thresholds.risk
    found = assess_match(
        pairs,
        own,
        further=stored,
        further_vectors=further,
        training=[],
        curve=SameCurve(values["slope"], values["offset"]) if "slope" in values else None,
        threshold=values.get("threshold"),
        risk=None if risk is None else RiskThreshold.of(risk),
        split="file",
    )
    beside = None
    if rival is not None:
        judged = (own, further)
        beside = _against(Matcher(rival, threads=threads), found.metric, pairs, strings, stored, judged, listen)
    seconds = {"score": round(scored - began, 3), "assess": round(time.perf_counter() - scored, 3)}
    return MatchVerdict(matcher.title, file.name, found, skipped, beside, seconds, matcher.manifest)


def _vectors(
    matcher: Matcher, pairs: PairRows, strings: Sequence[str], stored: Sequence[str], listen: Listener
) -> tuple[Vectors, Vectors]:
    """The vectors of the pairs' strings and of the stored texts, each string asked for once."""
    pieces = []
    values = {"model": matcher.title}
    listen(Event("stage", "judge.answering", total=len(strings), values=values))
    for start in range(0, len(strings), CHUNK):
        pieces.append(matcher.encode(strings[start : start + CHUNK]))
        listen(Event("advance", "judge.answering", min(len(strings), start + CHUNK), len(strings), values))
    whole = np.concatenate(pieces)
    places = {text: place for place, text in enumerate(strings)}
    return tuple(whole[[places[text] for text in some]] for some in (pairs.strings, stored))  # type: ignore[return-value]


def _against(
    rival: Matcher,
    metric: str,
    pairs: PairRows,
    strings: Sequence[str],
    stored: Sequence[str],
    judged: tuple[Vectors, Vectors],
    listen: Listener,
) -> MatchAgainst:
    own, further = _vectors(rival, pairs, strings, stored, listen)
    found = assess_match(
        pairs, own, further=stored, further_vectors=further, threshold=rival.manifest.match.get("threshold")
    )
    first, second = (
        (match_ranks(pairs, vectors, stored, beyond).reciprocal, pair_scores(vectors, pairs))
        for vectors, beyond in (judged, (own, further))
    )  # fmt: skip
    return MatchAgainst(rival.title, found.model, match_difference(metric, pairs, first, second))
