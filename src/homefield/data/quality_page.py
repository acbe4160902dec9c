"""`quality.html`: the quality of the records on one page, for the person who knows what they say."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from homefield.data.dataset import SPLITS
from homefield.messages import Language
from homefield.pages import (
    Bar,
    Card,
    Column,
    Section,
    Text,
    bars,
    cards,
    count,
    disclosure,
    figure,
    figures,
    notice,
    page,
    paragraph,
    percent,
    say,
    section,
    table,
)

__all__ = ["quality_page"]

Head = list[Column | Text]
Rows = list[list[Text | Markup]]
_BARS = 40
_SHOWN_SUSPECTS = 50


def quality_page(quality: Mapping[str, Any], language: Language | None = None) -> str:
    """The page as one HTML document."""
    counts = quality["counts"]
    parts: list[Section | Markup] = [
        _headline(quality),
        _advice(quality),
        _accounts(quality),
        *_classes(quality),
        *_labels(quality),
        _near(quality),
        _texts(quality),
        _files(quality),
    ]
    return page(
        say("quality.title", name=quality["name"]),
        parts,
        language=language,
        kicker=say("quality.kicker"),
        lead=say("quality.lead", **{name: count(counts[name]) for name in counts}),
        footer=say("quality.footer", created=quality["created"].replace("T", " ").replace("+00:00", " UTC")),
    )


def _headline(quality: Mapping[str, Any]) -> Markup:
    counts, reasons = quality["counts"], quality["reasons"]
    read = max(counts["read"], 1)
    suspects = quality["suspects"]
    items = [
        Card(
            say("quality.card.kept"),
            count(counts["kept"]),
            say("quality.card.of", share=percent(counts["kept"] / read)),
        ),
        Card(
            say("quality.card.rejected"),
            count(counts["rejected"]),
            say("quality.card.reasons", count=len(reasons)) if reasons else say("quality.card.none"),
            "warn" if counts["rejected"] > 0.05 * read else "plain",
        ),
        Card(say("quality.card.merged"), count(counts["merged"]), say("quality.card.merged_note")),
    ]
    if quality["classes"]:
        smallest = quality["classes"][-1]["rows"]
        items.append(
            Card(
                say("quality.card.classes"),
                count(len(quality["classes"])),
                say("quality.card.smallest", rows=count(smallest)),
            )
        )
    if not suspects["skipped"]:
        share = suspects["found"] / max(suspects["checked"], 1)
        found = count(suspects["found"])
        items.append(Card(say("quality.card.suspects"), found, percent(share), "warn" if share > 0.02 else "plain"))
    return cards(items)


def _advice(quality: Mapping[str, Any]) -> Section:
    pieces = [say(piece["key"], **piece["values"]) for piece in quality["advice"]]
    if not pieces:
        body = notice(say("quality.advice.nothing"), "good")
    else:
        body = Markup("<ol>{}</ol>").format(Markup("").join(Markup("<li>{}</li>").format(piece) for piece in pieces))
    return section(say("quality.section.advice"), body, anchor="first")


def _accounts(quality: Mapping[str, Any]) -> Section:
    counts = quality["counts"]
    rows = [Bar(say("quality.kept"), counts["kept"], count(counts["kept"]))]
    rows.append(Bar(say("quality.merged"), counts["merged"], count(counts["merged"]), colour="muted"))
    rows += [
        Bar(say(f"quality.reason.{reason}"), number, count(number), colour="bad")
        for reason, number in quality["reasons"].items()
    ]
    splits = [Bar(say(f"quality.split.{name}"), number, count(number)) for name, number in quality["splits"].items()]
    leakage = quality["leakage"]
    parts: list[Markup | Text] = [
        figures(
            figure(
                bars(rows, longest=counts["read"]), say("quality.figure.accounts"), say("quality.figure.accounts_note")
            ),
            figure(
                bars(splits, longest=max(counts["kept"], 1)),
                say("quality.figure.splits"),
                say("quality.figure.splits_note"),
            ),
        )
    ]
    if leakage["checked"]:
        values = {name: count(leakage[name]) for name in ("removed", "exact", "near")}
        parts.append(notice(say("quality.leakage", **values), "warn" if leakage["removed"] else "good"))
    return section(say("quality.section.accounts"), *parts, anchor="accounts")


def _classes(quality: Mapping[str, Any]) -> list[Section]:
    classes = quality["classes"]
    if not classes:
        return [_numbers(quality["numbers"])] if quality["numbers"] else []
    shown = [*classes[: _BARS - 10], *classes[-10:]] if len(classes) > _BARS else classes
    drawn = [
        Bar(each["label"], each["rows"], count(each["rows"]), colour="bad" if each["train"] < 10 else "accent")
        for each in shown
    ]
    note = (
        say("quality.figure.classes_some", shown=len(shown), count=len(classes)) if len(shown) < len(classes) else None
    )
    head: Head = [say("quality.column.label"), Column(say("quality.column.rows"), "number")]
    head += [Column(say(f"quality.split.{name}"), "number") for name in SPLITS]
    rows: Rows = [[each["label"], count(each["rows"]), *(count(each[name]) for name in SPLITS)] for each in classes]
    return [
        section(
            say("quality.section.classes"),
            figure(bars(drawn), say("quality.figure.classes"), note),
            disclosure(say("quality.all_classes", count=len(classes)), table(head, rows)),
            anchor="classes",
        )
    ]


def _numbers(numbers: Mapping[str, float]) -> Section:
    head: Head = [say("quality.column.measure"), Column(say("quality.column.value"), "number")]
    rows: Rows = [[say(f"quality.number.{name}"), f"{value:,.6g}"] for name, value in numbers.items()]
    return section(say("quality.section.numbers"), table(head, rows), anchor="classes")


def _labels(quality: Mapping[str, Any]) -> list[Section]:
    """Contradictions and suspects: what a person has to decide."""
    if not quality["classes"]:
        return []
    conflicts, suspects = quality["conflicts"], quality["suspects"]
    parts: list[Markup | Text] = []
    if suspects["skipped"]:
        parts.append(paragraph(say(f"quality.suspects.{suspects['skipped']}")))
    else:
        values = {name: count(suspects[name]) for name in ("found", "checked", "of")}
        key = "some" if suspects["checked"] < suspects["of"] else "all"
        parts.append(paragraph(say(f"quality.suspects.{key}", **values)))
        parts.append(
            _suspects(suspects["examples"][:_SHOWN_SUSPECTS], several=len(quality["files"]) > 1)
            if suspects["examples"]
            else ""
        )
    result = [section(say("quality.section.suspects"), *parts, anchor="suspects")]
    if conflicts["rows"]:
        head: Head = [
            Column(say("quality.column.text"), "wide"),
            say("quality.column.labels"),
            say("quality.column.kept"),
            say("quality.column.where"),
        ]
        rows: Rows = [
            [
                each["text"],
                "; ".join(f"{_label(label)} × {votes}" for label, votes in each["labels"].items()),
                _label(each["kept"]) if each["kept"] is not None else say("quality.none_kept"),
                _where(*each["rows"], several=len(quality["files"]) > 1),
            ]
            for each in conflicts["examples"]
        ]
        lead = paragraph(say("quality.conflicts", texts=count(conflicts["texts"]), rows=count(conflicts["rows"])))
        result.append(section(say("quality.section.conflicts"), lead, table(head, rows), anchor="conflicts"))
    return result


def _suspects(examples: Sequence[Mapping[str, Any]], *, several: bool) -> Markup:
    head: Head = [
        Column(say("quality.column.row"), "number"),
        Column(say("quality.column.sure"), "number"),
        Column(say("quality.column.text"), "wide"),
        Column(say("quality.column.suggestion"), "wide"),
    ]
    rows: Rows = [
        [
            _where(each, several=several),
            percent(each["confidence"], 0),
            each["text"],
            Markup("<span><s>{}</s><br>{}</span>").format(each["label"], each["suggested"]),
        ]
        for each in examples
    ]
    return table(head, rows, note=say("quality.suspects.note"))


def _near(quality: Mapping[str, Any]) -> Section:
    near, several = quality["near"], len(quality["files"]) > 1
    parts: list[Markup | Text] = [
        paragraph(say("quality.near", groups=count(near["groups"]), rows=count(near["rows"])))
    ]
    if near["mixed"]:
        parts.append(notice(say("quality.near_mixed", groups=count(near["mixed"])), "warn"))
        parts.append(disclosure(say("quality.near_mixed_title"), _groups(near["mixed_examples"], several=several)))
    if near["largest"]:
        parts.append(disclosure(say("quality.near_largest"), _groups(near["largest"], several=several)))
    return section(say("quality.section.near"), *parts, anchor="near")


def _groups(groups: Sequence[Mapping[str, Any]], *, several: bool) -> Markup:
    head: Head = [
        Column(say("quality.column.rows"), "number"),
        Column(say("quality.column.texts"), "wide"),
    ]
    rows: Rows = []
    for group in groups:
        lines = [
            Markup("{}{} <small>({}{})</small>").format(
                "" if not index else Markup("<br>"),
                each["text"],
                f"{_label(each['label'])}, " if "label" in each else "",
                _where(each, several=several),
            )
            for index, each in enumerate(group["examples"])
        ]
        rows.append([count(group["rows"]), Markup("").join(lines)])
    return table(head, rows)


def _texts(quality: Mapping[str, Any]) -> Section:
    lengths, languages, masked = quality["lengths"], quality["languages"], quality["masked"]
    histogram = [Bar(f"{low:,} – {high - 1:,}", number, count(number)) for low, high, number in lengths["histogram"]]
    spoken = [Bar(say(f"quality.language.{name}"), number, count(number)) for name, number in languages.items()]
    values = {name: count(lengths[name]) for name in ("median", "p95", "longest")}
    drawn = [
        figure(bars(histogram), say("quality.figure.lengths"), say("quality.figure.lengths_note", **values)),
        figure(bars(spoken, longest=max(quality["counts"]["kept"], 1)), say("quality.figure.languages")),
    ]
    if masked:
        found = [Bar(say(f"quality.masked.{kind}"), number, count(number)) for kind, number in masked.items()]
        drawn.append(figure(bars(found), say("quality.figure.masked"), say("quality.figure.masked_note")))
    cleaned = paragraph(say("quality.cleaned", count=count(quality["cleaned"])))
    return section(say("quality.section.texts"), figures(*drawn), cleaned, anchor="texts")


def _files(quality: Mapping[str, Any]) -> Section:
    head: Head = [
        say("quality.column.file"),
        Column(say("quality.column.rows"), "number"),
        say("quality.column.format"),
        say("quality.column.encoding"),
        say("quality.column.use"),
    ]
    rows: Rows = [
        [
            each["file"],
            count(each["rows"]),
            str(each["format"]),
            str(each.get("encoding", "–")),
            say("quality.use.test" if each["test"] else "quality.use.records"),
        ]
        for each in quality["files"]
    ]
    roles = ", ".join(
        f"{role} = {column}" + (" (?)" if role in quality["guessed"] else "")
        for role, column in quality["roles"].items()
    )
    note = say("quality.roles_guessed" if quality["guessed"] else "quality.roles", roles=roles)
    return section(say("quality.section.files"), table(head, rows), paragraph(note), anchor="files")


def _label(label: str) -> str:
    """A list of labels as a person writes it."""
    return " + ".join(json.loads(label)) or "–" if label.startswith("[") else label


def _where(*rows: Mapping[str, Any], several: bool) -> str:
    """Row numbers, after the name of the file when there are several."""
    names = [f"{Path(row['file']).stem} {row['row']:,}" if several else f"{row['row']:,}" for row in rows]
    return ", ".join(names[:4]) + (", …" if len(names) > 4 else "")
