"""The model card: what a model is, what it learned from, how good it is, what it must not be used for.

In Chinese and in English in one file (after Mitchell et al. 2019, "Model Cards for Model Reporting").
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from homefield.bundle import BundleManifest
from homefield.messages import LANGUAGES, Language, text

__all__ = ["write_card"]

_LABELS_SHOWN = 200
_ACTIVE = re.compile(r"([\\`*_{}\[\]<>#|~])")


def write_card(manifest: BundleManifest) -> str:
    """The card as Markdown; every value that comes from records is escaped."""
    return "\n\n---\n\n".join(_card(manifest, language) for language in LANGUAGES) + "\n"


def _card(manifest: BundleManifest, language: Language) -> str:
    def say(key: str, **values: object) -> str:
        return text(f"ship.card.{key}", language, **values)

    name = escape(manifest.name or str(manifest.dataset.get("name", "")) or "model")
    parts = [f"# {say('title', name=name, version='' if manifest.version is None else f' {manifest.version}')}"]
    backbone = escape(str(manifest.backbone.get("name", "")))
    parts.append(say(f"what_{manifest.output}", backbone=backbone, how=manifest.how, labels=len(manifest.labels)))
    parts += [f"## {say('use')}", _use(), f"## {say('data')}", _data(manifest, say)]
    parts += [f"## {say('quality')}", *_quality(manifest, say)]
    parts += [f"## {say('decisions')}", *_decisions(manifest, say)]
    parts += [f"## {say('limits')}", *_limits(manifest, say)]
    if manifest.labels:
        shown = ", ".join(escape(label) for label in manifest.labels[:_LABELS_SHOWN])
        more = len(manifest.labels) - _LABELS_SHOWN
        parts += [f"## {say('labels')}", shown + (f" … (+{more})" if more > 0 else "")]
    parts += [f"## {say('origin')}", _origin(manifest, say)]
    return "\n\n".join(parts)


def escape(value: str) -> str:
    """`value` as plain text inside Markdown: one line, nothing in it active."""
    return _ACTIVE.sub(r"\\\1", " ".join(value.split()))


def _use() -> str:
    return (
        '```bash\nhomefield predict . --text "..."\nhomefield predict . records.csv --out predictions.csv\n```\n\n'
        '```python\nimport homefield\n\nmodel = homefield.load(".")\nmodel.predict(["..."])\n```'
    )


def _data(manifest: BundleManifest, say: Any) -> str:
    dataset = manifest.dataset
    rows = dataset.get("rows", {})
    languages = ", ".join(f"{name} {count}" for name, count in manifest.languages.items()) or "-"
    lines = [
        say("dataset", name=escape(str(dataset.get("name", "-"))), hash=str(dataset.get("hash", ""))[:16]),
        say("rows", **{split: rows.get(split, 0) for split in ("train", "validation", "calibration", "test")}),
        say("languages", languages=languages),
        say("sources", sources=", ".join(escape(str(name)) for name in dataset.get("sources", ())) or "-"),
    ]
    return "\n".join(f"- {line}" for line in lines)


def _quality(manifest: BundleManifest, say: Any) -> list[str]:
    found = []
    for split in ("test", "calibration", "validation"):
        values: Mapping[str, Any] = manifest.metrics.get(split, {})
        if not values:
            continue
        headline = values["headline"]
        low, high = values["interval"]
        found.append(
            say(f"on_{split}", metric=headline, value=_number(values[headline]), low=_number(low), high=_number(high),
                rows=values["rows"])
        )  # fmt: skip
        shown = [name for name, value in values.items() if isinstance(value, float) and name != headline]
        found.append("\n".join(["| | |", "|---|---:|", *(f"| {name} | {_number(values[name])} |" for name in shown)]))
        break
    parity = manifest.parity
    if parity:
        found.append(say("parity", logits=f"{parity['fp32']:.1e}", trained=_number(parity["int8"]["trained"]),
                         served=_number(parity["int8"]["served"]), rows=parity["int8"]["rows"]))  # fmt: skip
    if beside := manifest.beside:
        numbers = {name: _number(beside[name]) for name in ("network", "ngrams", "both")}
        found.append(say("beside", split=beside["split"], metric=beside["metric"], **numbers))
    return found or [say("not_measured")]


def _decisions(manifest: BundleManifest, say: Any) -> list[str]:
    found = []
    risk = manifest.thresholds.risk
    if risk is None:
        found.append(say("no_number_interval" if manifest.output == "number" and not manifest.interval else
                         "number_interval" if manifest.output == "number" else "no_risk",
                         half=_number(manifest.interval.get("half_width", 0.0)),
                         share=f"{100 * (1 - manifest.interval.get('miss', 0.0)):g}"))  # fmt: skip
    elif risk["threshold"] is None:
        found.append(say("risk_never", risk=_percent(risk["risk"]), rows=risk["rows"]))
    else:
        found.append(say("risk", risk=_percent(risk["risk"]), threshold=_number(risk["threshold"]), rows=risk["rows"],
                         rate=_percent(risk["automatic_rate"]), sure=_percent(1 - risk["delta"])))  # fmt: skip
    if manifest.thresholds.unknown is not None:
        found.append(say("unknown", threshold=_number(manifest.thresholds.unknown)))
    return found


def _limits(manifest: BundleManifest, say: Any) -> list[str]:
    kept = int(manifest.evidence.get("rows", 0))
    lines = [say("limit_language"), say("limit_length", tokens=manifest.max_length), say("limit_drift")]
    if kept:
        lines.append(say("limit_evidence", rows=kept))
    return ["\n".join(f"- {line}" for line in lines)]


def _origin(manifest: BundleManifest, say: Any) -> str:
    backbone = manifest.backbone
    lines = [
        say("created", created=manifest.created, program=manifest.program),
        say(
            "backbone",
            **{name: escape(str(backbone.get(name) or "-")) for name in ("name", "licence", "source")},
        ),
        say("precision"),
    ]  # fmt: skip
    if adapted := backbone.get("adapted"):
        lines.insert(2, say("adapted", **{**adapted, "perplexity": _number(adapted["perplexity"])}))
    return "\n".join(f"- {line}" for line in lines)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
