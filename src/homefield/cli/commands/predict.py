"""`homefield predict`: texts in, answers out, whatever their number.

Texts and short lists are shown for reading; a file goes to `--out`, or to stdout as CSV when that is piped, or as a
preview of its first rows on a terminal. Nothing is held but one chunk of rows.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from homefield.cells import safe_cell
from homefield.cli.amounts import percent
from homefield.cli.command import argument, command, option
from homefield.cli.face import Face
from homefield.cli.outcome import Outcome, Table, console_for
from homefield.cli.records import column_option
from homefield.cli.values import OneOf, Place, Whole, pairs
from homefield.errors import CallError
from homefield.plain import plain

if TYPE_CHECKING:
    from homefield.serve import Matcher, Prediction, Predictor
    from homefield.serve.files import FileSummary, Row

__all__ = ["predict"]

PREVIEW = 20


@command("predict")
@argument("model", key="model", metavar="MODEL")
@argument("file", key="to_predict", type=Place(), required=False, metavar="[FILE]")
@option("--text", "texts", key="predict_text", multiple=True, metavar="TEXT")
@column_option
@option("--out", key="predict_out", type=Place(), metavar="FILE")
@option("--precision", key="precision", type=OneOf("int8", "fp32"), default="int8")
@option("--evidence", key="evidence", type=Whole(), default=3, metavar="N")
@option("--top", key="top", type=Whole(), default=3, metavar="N")
def predict(
    face: Face,
    model: str,
    file: Path | None,
    texts: tuple[str, ...],
    columns: tuple[tuple[str, str], ...],
    out: Path | None,
    precision: Literal["int8", "fp32"],
    evidence: int,
    top: int,
) -> Outcome | None:
    """Find out what to answer and where the answers go."""
    from homefield import api

    if file is not None and texts:
        raise CallError("cli.text_or_file")
    if file is None and not texts:
        raise CallError("cli.nothing_to_predict")
    roles = pairs(columns, "--column")
    predictor = api.load(model, precision=precision, workspace=face.workspace)
    if str(file) == "-" and sys.stdin.isatty():
        sys.stderr.write(face.say("predict.type_texts") + "\n")
    show = _Show(predictor, evidence=evidence, top=top)
    if file is not None and str(file) != "-" and out is not None:
        from homefield.serve.files import predict_file

        summary = predict_file(predictor, [file], out, columns=roles, evidence=evidence, top=top, listen=face.listen)
        return _written(summary, out, predictor, face)
    rows = show.texts(texts) if texts else show.lines() if str(file) == "-" else show.file(file, roles)
    if out is not None:
        return _write(rows, out, predictor, face)
    if face.json:
        _print_json(rows, predictor)
    elif texts or (str(file) == "-" and sys.stdout.isatty()):
        _print_cards(rows, face)
    elif sys.stdout.isatty():
        return _preview(rows, face)
    else:
        _print_csv(rows)
    return None


class _Show:
    """Where rows to answer come from."""

    def __init__(self, predictor: Predictor | Matcher, *, evidence: int, top: int) -> None:
        self.predictor, self.evidence, self.top = predictor, evidence, top

    def texts(self, texts: tuple[str, ...]) -> Iterator[Row]:
        """What was given with `--text`."""
        from homefield.serve.files import Row

        said = self.predictor.stream(texts, evidence=self.evidence, top=self.top)
        for number, (text, prediction) in enumerate(zip(texts, said, strict=True), 1):
            yield Row(Path("--text"), number, text, prediction)

    def lines(self) -> Iterator[Row]:
        """One text a line of standard input; at a keyboard each is answered as it is typed."""
        from homefield.serve.files import Row
        from homefield.serve.predictor import CHUNK

        size = 1 if sys.stdin.isatty() else CHUNK
        pending = _stdin_lines()
        number = 0
        while chunk := list(islice(pending, size)):
            for text, said in zip(
                chunk, self.predictor.predict(chunk, evidence=self.evidence, top=self.top), strict=True
            ):
                number += 1
                yield Row(Path("-"), number, text, said)

    def file(self, file: Path | None, columns: Mapping[str, str]) -> Iterator[Row]:
        """The rows of a file."""
        from homefield.serve.files import predict_rows

        assert file is not None
        return predict_rows(self.predictor, [file], columns=columns, evidence=self.evidence, top=self.top)


def _stdin_lines() -> Iterator[str]:
    """Lines of standard input: UTF-8, and GB18030 where a line is not."""
    for raw in getattr(sys.stdin, "buffer", sys.stdin):
        if isinstance(raw, bytes):
            try:
                line = raw.decode("utf-8-sig")
            except UnicodeDecodeError:
                line = raw.decode("gb18030", errors="replace")
        else:
            line = raw
        yield line.rstrip("\r\n")


def _write(rows: Iterator[Row], out: Path, predictor: Predictor | Matcher, face: Face) -> Outcome:
    from collections import Counter

    from homefield.serve.files import FileSummary
    from homefield.serve.writers import new_table

    reasons: Counter[str] = Counter()
    labels: Counter[str] = Counter()
    count = 0
    with new_table(out) as table:
        while chunk := list(islice(rows, 1024)):
            table.write([row.as_json() for row in chunk])
            count += len(chunk)
            reasons.update(row.prediction.reason for row in chunk if row.prediction.reason)
            labels.update(label for row in chunk if not row.prediction.reason for label in row.prediction.labels)
    return _written(FileSummary(count, count - reasons.total(), reasons, labels), out, predictor, face)


def _written(summary: FileSummary, out: Path, predictor: Predictor | Matcher, face: Face) -> Outcome:
    say = face.say
    share = summary.answered / summary.rows if summary.rows else None
    return Outcome(
        document={"model": predictor.title, "out": out, **summary.as_json()},
        title=say("predict.written", rows=f"{summary.rows:,}"),
        facts=[
            (say("predict.model"), predictor.title),
            (say("predict.answered"), f"{summary.answered:,} ({percent(share)})"),
            (say("outcome.where"), str(out)),
        ],
        tables=[
            Table(
                [say("predict.label"), say("predict.rows")],
                [[label, f"{rows:,}"] for label, rows in islice(summary.labels.items(), 10)],
                right=[1],
            )
        ]
        if summary.labels
        else [],
    )


def _print_json(rows: Iterator[Row], predictor: Predictor | Matcher) -> None:
    """One document, written as the answers come."""
    sys.stdout.write(f'{{"model": {json.dumps(predictor.title)}, "predictions": [')
    for number, row in enumerate(rows):
        sys.stdout.write(",\n" if number else "\n")
        sys.stdout.write(json.dumps(plain(row.as_json()), ensure_ascii=False))
    sys.stdout.write("\n]}\n")


def _print_csv(rows: Iterator[Row]) -> None:
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(["row", "label", "confidence", "decision", "reason", "text"])
    for row in rows:
        said = row.prediction
        cells = [row.number, _answer(said), f"{said.confidence:.4f}", said.decision, said.reason, row.text]
        out.writerow([safe_cell(cell) for cell in cells])


def _preview(rows: Iterator[Row], face: Face) -> Outcome:
    say = face.say
    first = list(islice(rows, PREVIEW + 1))
    return Outcome(
        document={},
        title=say("predict.preview" if len(first) > PREVIEW else "predict.all", rows=min(len(first), PREVIEW)),
        tables=[
            Table(
                [say(f"predict.{word}") for word in ("row", "label", "confidence", "decision", "text")],
                [_cells(row, face) for row in first[:PREVIEW]],
                right=[0, 2],
            )
        ],
        notes=[say("predict.more")] if len(first) > PREVIEW else [],
    )


def _cells(row: Row, face: Face) -> list[str]:
    said = row.prediction
    sure, decision = percent(said.confidence), face.say(f"predict.{said.decision}")
    return [str(row.number), _answer(said), sure, decision, row.text or ""]


def _print_cards(rows: Iterator[Row], face: Face) -> None:
    from rich.text import Text

    say, console = face.say, console_for()
    for row in rows:
        said = row.prediction
        mark, style = ("✓", "bold green") if said.decision == "answer" else ("–", "bold yellow")
        console.print(Text(row.text or "", "bold"))
        line = Text(f"  {mark} ", style) + Text(f"{_answer(said)}  ", "bold")
        console.print(line + Text(f"{percent(said.confidence)}  {say(f'predict.{said.decision}')}"))
        if said.reason:
            console.print(Text(f"    {said.why(face.language)}", "yellow"))
        if said.runners_up:
            then = ", ".join(f"{each.label} {percent(each.confidence)}" for each in said.runners_up)
            console.print(Text(f"    {say('predict.runners_up')}  {then}", "dim"))
        for each in said.evidence:
            stored = {"text": each.text, "source": each.source, "row": each.row}
            if each.label:
                where = say("predict.from_row", label=each.label, **stored)
            else:
                where = say("predict.stored", similarity=each.similarity, **stored)
            console.print(Text(f"    {say('predict.like')}  {where}", "dim"))


def _answer(said: Prediction) -> str:
    if said.value is not None and said.answers:
        return f"{said.label} ({said.value:.3f})"  # a text or `same`, with its cosine
    if said.value is not None:
        low_high = f" ({said.interval[0]:.4g} … {said.interval[1]:.4g})" if said.interval else ""
        return f"{said.value:.4g}{low_high}"
    return ", ".join(said.labels)
