"""What to mend first, told from the quality of the records: message keys and what fills them, gravest first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["FEW_ROWS", "advise"]

FEW_ROWS = 10  # rows of a class in train below which a model hardly learns it


def advise(quality: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Advice as `{"key": message key, "values": {...}}`; empty when there is nothing to mend."""
    pieces = [
        *_about_rejected(quality),
        *_about_labels(quality),
        *_about_classes(quality),
        *_about_groups(quality),
        *_about_texts(quality),
    ]
    return [{"key": f"quality.advice.{name}", "values": values} for name, values in pieces]


Piece = tuple[str, dict[str, object]]


def _about_rejected(quality: Mapping[str, Any]) -> list[Piece]:
    counts, reasons = quality["counts"], quality["reasons"]
    pieces: list[Piece] = []
    rejected = sum(count for reason, count in reasons.items() if reason not in ("in_test", "conflict", "linked"))
    if counts["read"] and rejected / counts["read"] > 0.05:
        pieces.append(("rejected", {"count": rejected, "share": _percent(rejected / counts["read"])}))
    if damaged := sum(reasons.get(name, 0) for name in ("undecodable", "fields", "not_json", "not_object")):
        pieces.append(("damaged", {"count": damaged}))
    return pieces


def _about_labels(quality: Mapping[str, Any]) -> list[Piece]:
    pieces: list[Piece] = []
    conflicts, suspects, near = quality["conflicts"], quality["suspects"], quality["near"]
    if conflicts["rows"]:
        pieces.append(("conflicts", {"texts": conflicts["texts"], "rows": conflicts["rows"]}))
    if suspects["found"]:
        share = _percent(suspects["found"] / max(suspects["checked"], 1))
        pieces.append(("suspects", {"count": suspects["found"], "share": share}))
    if near["mixed"]:
        pieces.append(("mixed", {"groups": near["mixed"]}))
    if missing := quality["reasons"].get("no_label", 0):
        pieces.append(("no_label", {"count": missing}))
    return pieces


def _about_classes(quality: Mapping[str, Any]) -> list[Piece]:
    classes = quality["classes"]
    pieces: list[Piece] = []
    if single := [each["label"] for each in classes if each["rows"] == each["train"] == 1]:
        pieces.append(("single", {"count": len(single), "names": _some(single)}))
    if unseen := [each["label"] for each in classes if each["rows"] and not each["train"]]:
        pieces.append(("unseen", {"count": len(unseen), "names": _some(unseen)}))
    if small := [each["label"] for each in classes if each["rows"] > 1 and 0 < each["train"] < FEW_ROWS]:
        pieces.append(("small", {"count": len(small), "limit": FEW_ROWS, "names": _some(small)}))
    untested = [each["label"] for each in classes if each["rows"] > 1 and each["test"] == 0]
    if untested:
        pieces.append(("untested", {"count": len(untested), "names": _some(untested)}))
    if len(classes) > 1 and classes[0]["rows"] > 0.8 * sum(each["rows"] for each in classes):
        share = classes[0]["rows"] / sum(each["rows"] for each in classes)
        pieces.append(("lopsided", {"label": classes[0]["label"], "share": _percent(share)}))
    if 0 < quality["splits"]["train"] < 100:
        pieces.append(("few", {"count": quality["splits"]["train"]}))
    return pieces


def _about_groups(quality: Mapping[str, Any]) -> list[Piece]:
    pieces: list[Piece] = []
    if quality["near"]["largest_share"] > 0.1 and quality["counts"]["kept"] > 20:
        pieces.append(("large_group", {"share": _percent(quality["near"]["largest_share"])}))
    if quality["leakage"]["removed"]:
        pieces.append(("leakage", {"count": quality["leakage"]["removed"]}))
    return pieces


def _about_texts(quality: Mapping[str, Any]) -> list[Piece]:
    pieces: list[Piece] = []
    languages = quality["languages"]
    if languages.get("other", 0) > 0.05 * max(sum(languages.values()), 1):
        pieces.append(("other_language", {"count": languages["other"]}))
    if masked := sum(quality["masked"].values()):
        pieces.append(("masked", {"count": masked}))
    return pieces


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%"


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:5])
    return f"{shown}, …" if len(names) > 5 else shown
