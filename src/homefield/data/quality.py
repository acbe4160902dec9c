"""What is worth knowing about the records, in numbers and examples: the content of `quality.json`.

Everything a person would look at before training: what came in and what became of it, the classes and their sizes,
texts with several labels, near-duplicates, labels that are probably wrong, and what to mend first.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homefield.data.advice import advise
from homefield.data.dataset import SPLITS, LabelKind, Manifest
from homefield.data.duplicates import CONFLICT, IN_TEST, LINKED, MERGED
from homefield.data.gather import Gathered
from homefield.data.options import PrepareOptions
from homefield.data.settle import Settled
from homefield.data.spill import Places, Spill
from homefield.data.suspects import MAX_CLASSES, affordable_rows, find_suspects
from homefield.events import Event, Listener

__all__ = ["judge_quality"]

_EXAMPLES = 20
_SHOWN = 300  # characters of a text in an example
_LENGTHS = (0, 5, 10, 20, 40, 80, 160, 320, 640, 1280, 5000, 20_000)


@dataclass(frozen=True)
class _Subject:
    """What is judged, all of it made by the two passes of `prepare`."""

    spill: Spill
    settled: Settled
    places: Places
    files: Sequence[str]
    kind: LabelKind
    label_names: Sequence[str]  # by code

    def row(self, number: int) -> dict[str, Any]:
        source, row = self.places[number]
        return {"file": self.files[source], "row": row}

    def texts(self, rows: NDArray[np.integer]) -> list[str]:
        return [text[:_SHOWN] for text in self.spill.texts(rows)[0]]

    def labels(self) -> NDArray[np.int32]:
        codes: NDArray[np.int32] = self.spill.load("label")
        return codes

    def label(self, code: int) -> str:
        return self.label_names[code] if 0 <= code < len(self.label_names) else "?"


def judge_quality(
    manifest: Manifest,
    gathered: Gathered,
    settled: Settled,
    spill: Spill,
    options: PrepareOptions,
    listen: Listener,
) -> dict[str, Any]:
    """The quality of a dataset, JSON-ready."""
    files = [str(source["file"]) for source in manifest.sources]
    subject = _Subject(spill, settled, Places(spill), files, manifest.label_kind, gathered.labels.names)
    reasons = Counter(gathered.reasons)
    reasons["conflict"] += int((settled.status == CONFLICT).sum())
    reasons["linked"] += int((settled.status == LINKED).sum())
    reasons["in_test"] += int((settled.status == IN_TEST).sum())
    quality: dict[str, Any] = {
        "name": manifest.name,
        "created": manifest.created,
        "files": [dict(source) for source in manifest.sources],
        "roles": dict(manifest.roles),
        "guessed": list(manifest.guessed),
        "label_kind": manifest.label_kind,
        "counts": dict(manifest.counts),
        "reasons": {reason: count for reason, count in reasons.most_common() if count},
        "splits": {name: facts["rows"] for name, facts in manifest.splits.items()},
        "languages": dict(manifest.languages),
        "cleaned": gathered.changed,
        "masked": dict(gathered.masked.most_common()),
        "lengths": _lengths(subject),
        "classes": _classes(subject),
        "numbers": _numbers(subject),
        "conflicts": _conflicts(subject),
        "near": _near(subject),
        "leakage": dict(manifest.leakage),
        "suspects": _suspects(subject, options, listen),
    }
    quality["advice"] = advise(quality)
    return quality


def _lengths(subject: _Subject) -> dict[str, Any]:
    lengths = subject.spill.load("length")[subject.settled.kept]
    edges = [*_LENGTHS, int(max(lengths.max(initial=0) + 1, _LENGTHS[-1] + 1))]
    counts = np.histogram(lengths, bins=edges)[0].tolist()
    histogram = [[low, high, count] for low, high, count in zip(edges, edges[1:], counts, strict=False)]
    while histogram and histogram[-1][2] == 0:
        histogram.pop()
    middle, long = np.percentile(lengths, [50, 95]).tolist() if len(lengths) else (0, 0)
    return {"median": middle, "p95": long, "longest": int(lengths.max(initial=0)), "histogram": histogram}


def _classes(subject: _Subject) -> list[dict[str, Any]]:
    """Rows of each class in each split, largest first; of rows with several labels, each counts."""
    if subject.kind not in ("category", "categories"):
        return []
    codes = subject.labels()[subject.settled.kept]
    table = np.zeros((len(subject.label_names), len(SPLITS)), dtype=np.int64)
    np.add.at(table, (codes, subject.settled.split), 1)
    named: dict[str, NDArray[np.int64]] = {}
    for code, name in enumerate(subject.label_names):
        if table[code].any():
            for part in json.loads(name) if subject.kind == "categories" else [name]:
                named[part] = named.get(part, np.zeros(len(SPLITS), dtype=np.int64)) + table[code]
    return [
        {"label": name, "rows": int(rows.sum()), **dict(zip(SPLITS, rows.tolist(), strict=True))}
        for name, rows in sorted(named.items(), key=lambda item: (-int(item[1].sum()), item[0]))
    ]


def _numbers(subject: _Subject) -> dict[str, float]:
    if subject.kind != "number":
        return {}
    values = subject.spill.load("number")[subject.settled.kept]
    low, middle, high = np.percentile(values, [5, 50, 95]).tolist()
    return {
        "least": float(values.min()),
        "p5": low,
        "median": middle,
        "mean": float(values.mean()),
        "p95": high,
        "greatest": float(values.max()),
    }


def _conflicts(subject: _Subject) -> dict[str, Any]:
    """Texts with several labels; `kept` is the label that stayed by majority, null when none did."""
    status = subject.settled.status
    rows = np.flatnonzero(status == CONFLICT)
    if len(rows) == 0:
        return {"texts": 0, "rows": 0, "examples": []}
    keys = subject.spill.load("text_key")
    wrong = np.unique(keys[rows])
    chosen = wrong[:_EXAMPLES]
    labels = subject.labels()
    members = np.flatnonzero(np.isin(keys, chosen))
    examples = []
    for key in chosen.tolist():
        same = members[keys[members] == key]
        stays = same[np.isin(status[same], (CONFLICT, MERGED), invert=True)]
        votes = Counter(subject.label(int(code)) for code in labels[same].tolist())
        examples.append(
            {
                "text": subject.texts(same[:1])[0],
                "labels": dict(votes.most_common()),
                "kept": subject.label(int(labels[stays[0]])) if len(stays) else None,
                "rows": [subject.row(int(row)) for row in same[:10]],
            }
        )
    return {"texts": len(wrong), "rows": len(rows), "examples": examples}


def _near(subject: _Subject) -> dict[str, Any]:
    """Groups of near-duplicates: how many, the largest, and those whose rows have different labels."""
    near, kept = subject.settled.near, subject.settled.kept
    sizes = np.bincount(near) if len(near) else np.zeros(0, dtype=np.int64)
    several = np.flatnonzero(sizes > 1)
    largest = several[np.argsort(-sizes[several], kind="stable")][:_EXAMPLES]
    mixed = np.zeros(0, dtype=np.int64)
    if subject.kind in ("category", "categories"):
        codes = subject.labels()[kept]
        least, most = np.full(len(sizes), np.iinfo(np.int32).max), np.full(len(sizes), -1, dtype=np.int32)
        np.minimum.at(least, near, codes)
        np.maximum.at(most, near, codes)
        mixed = several[least[several] != most[several]]
    return {
        "groups": len(several),
        "rows": int(sizes[several].sum()),
        "largest_share": float(sizes.max(initial=0) / max(len(near), 1)),
        "largest": [_group(subject, int(group), int(sizes[group])) for group in largest],
        "mixed": len(mixed),
        "mixed_examples": [_group(subject, int(group), int(sizes[group])) for group in mixed[:_EXAMPLES]],
    }


def _group(subject: _Subject, group: int, size: int) -> dict[str, Any]:
    rows = subject.settled.kept[np.flatnonzero(subject.settled.near == group)[:4]]
    examples = [{**subject.row(int(row)), "text": text} for row, text in zip(rows, subject.texts(rows), strict=True)]
    if subject.kind in ("category", "categories"):
        for example, code in zip(examples, subject.labels()[rows].tolist(), strict=True):
            example["label"] = subject.label(code)
    return {"rows": size, "examples": examples}


def _suspects(subject: _Subject, options: PrepareOptions, listen: Listener) -> dict[str, Any]:
    """Suspected wrong labels; `skipped` says why none were looked for."""
    kept = subject.settled.kept
    skipped = None
    if options.suspects_rows == 0:
        skipped = "off"
    elif subject.kind != "category":
        skipped = "kind"
    elif len(kept) < 100:
        skipped = "few"
    elif len(subject.label_names) > MAX_CLASSES:
        skipped = "classes"
    if skipped:
        return {"checked": 0, "of": len(kept), "found": 0, "skipped": skipped, "examples": []}
    labels = subject.labels()
    classes = len(np.unique(labels[kept]))
    mean = float(subject.spill.load("length")[kept].mean())
    count = affordable_rows(len(kept), classes, mean, options.suspects_rows)
    sample = np.linspace(0, len(kept) - 1, count).astype(np.int64)  # the order of ids is as good as chance
    listen(Event("stage", "data.stage.suspects", total=count))
    texts = subject.spill.texts(kept[sample])[0]
    found = find_suspects(texts, labels[kept[sample]], subject.settled.near[sample])
    first = zip(
        found.rows.tolist(), found.suggested.tolist(), found.confidence.tolist(), found.own.tolist(), strict=True
    )
    examples = [
        {
            **subject.row(int(kept[sample[row]])),
            "text": texts[row][:_SHOWN],
            "label": subject.label(int(labels[kept[sample[row]]])),
            "suggested": subject.label(suggested),
            "confidence": round(confidence, 3),
            "own": round(own, 3),
        }
        for row, suggested, confidence, own in first
    ]
    return {"checked": count, "of": len(kept), "found": len(found.rows), "skipped": None, "examples": examples}
