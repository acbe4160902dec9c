"""`homefield prepare`: records become a dataset, and every row is accounted for."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from homefield.cli.command import argument, command, option
from homefield.cli.face import Face
from homefield.cli.outcome import Outcome, Table
from homefield.cli.records import column_option
from homefield.cli.values import KeyValue, Name, OneOf, Place, Whole, guess, pairs
from homefield.errors import CallError

if TYPE_CHECKING:
    from homefield.data import Dataset

__all__ = ["describe", "prepare"]


@command("prepare")
@argument("files", key="records", type=Place(), nargs=-1, required=True, metavar="FILE...")
@option("--out", key="prepare_out", type=Place(), required=True, metavar="DIR")
@option("--text", key="text_column", type=Name(), metavar="COLUMN")
@option("--label", key="label_column", type=Name(), metavar="COLUMN")
@column_option
@option("--test", key="test", type=Place(), metavar="FILE")
@option("--split", key="split", type=OneOf("random", "group", "time"), default="random")
@option("--seed", key="split_seed", type=Whole(), default=0, metavar="N")
@option("--set", "settings", key="prepare_set", type=KeyValue(), multiple=True, metavar="KEY=VALUE")
def prepare(
    face: Face,
    files: tuple[Path, ...],
    out: Path,
    text: str | None,
    label: str | None,
    columns: tuple[tuple[str, str], ...],
    test: Path | None,
    split: Literal["random", "group", "time"],
    seed: int,
    settings: tuple[tuple[str, str], ...],
) -> Outcome:
    """Call `homefield.api.prepare` and show what came of it."""
    from homefield import api

    roles = pairs(columns, "--column", text=text, label=label)
    options = prepare_options(pairs(settings, "--set"))
    dataset = api.prepare(
        files,
        out,
        columns=roles,
        test=test,
        split=split,
        seed=seed,
        workspace=face.workspace,
        listen=face.listen,
        **options,
    )
    return describe(dataset, face)


def prepare_options(settings: Mapping[str, str]) -> dict[str, object]:
    """`--set KEY=VALUE` as fields of `PrepareOptions`: numbers, words, `zh,en` for several, `train=0.7,test=0.3`.

    Raises:
        CallError: `cli.no_such_setting`, `cli.not_a_setting`.
    """
    from homefield.data import PrepareOptions

    defaults = {field.name: getattr(PrepareOptions(), field.name) for field in dataclasses.fields(PrepareOptions)}
    known = [name for name in defaults if name not in ("split", "seed")]
    made: dict[str, object] = {}
    for key, value in settings.items():
        if key not in known:
            raise CallError("cli.no_such_setting", key=key, guess=guess(key, known), known=", ".join(known))
        try:
            made[key] = _setting(value, defaults[key])
        except ValueError as error:
            raise CallError("cli.not_a_setting", key=key, given=value) from error
    return made


def _setting(value: str, default: object) -> object:
    if isinstance(default, Mapping):
        return {name.strip(): float(share) for name, _, share in (part.partition("=") for part in value.split(","))}
    if isinstance(default, tuple):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return type(default)(value) if isinstance(default, (int, float)) else value


def describe(dataset: Dataset, face: Face) -> Outcome:
    """What was made of the records."""
    say, manifest = face.say, dataset.manifest
    guessed = [f"{role} ← {manifest.roles[role]}" for role in manifest.guessed if role in manifest.roles]
    named = [f"{role} ← {column}" for role, column in manifest.roles.items() if role not in manifest.guessed]
    removed = int(manifest.leakage.get("removed", 0))
    facts = [
        (say("prepare.rows"), say("prepare.counts", **{n: manifest.counts.get(n, 0) for n in COUNTS})),
        (say("prepare.splits"), _splits(dataset, face)),
        (say("prepare.roles"), ", ".join(named)),
        (say("prepare.guessed"), ", ".join(guessed)),
        (say("prepare.labels"), _labels(dataset, face)),
        (say("prepare.languages"), ", ".join(f"{name} {rows:,}" for name, rows in manifest.languages.items())),
        (say("prepare.leakage"), say("prepare.leaked", count=removed) if removed else ""),
        (say("outcome.where"), str(dataset.path)),
        (say("prepare.quality"), str(dataset.path / "quality.html")),
    ]
    return Outcome(
        document={
            "dataset": str(dataset.path),
            "hash": manifest.hash,
            "counts": manifest.counts,
            "splits": {name: facts["rows"] for name, facts in manifest.splits.items()},
            "roles": manifest.roles,
            "guessed": manifest.guessed,
            "label_kind": manifest.label_kind,
            "labels": manifest.labels,
            "languages": manifest.languages,
            "leakage": manifest.leakage,
            "sources": manifest.sources,
            "quality": str(dataset.path / "quality.html"),
        },
        title=say("prepare.title", name=dataset.path.name),
        facts=[fact for fact in facts if fact[1]],
        tables=[_sources(dataset, face)],
        next_steps=[f"homefield finetune --data {dataset.path} --out run"],
    )


COUNTS = ("read", "kept", "rejected", "merged")


def _splits(dataset: Dataset, face: Face) -> str:
    rows = {name: facts["rows"] for name, facts in dataset.manifest.splits.items()}
    return ", ".join(f"{face.say(f'split.{name}')} {count:,}" for name, count in rows.items())


def _labels(dataset: Dataset, face: Face) -> str:
    manifest = dataset.manifest
    if manifest.label_kind in ("category", "categories"):
        return face.say(f"prepare.label_{manifest.label_kind}", count=len(manifest.labels))
    if manifest.label_kind == "none" and "other" in manifest.roles:
        return face.say("prepare.label_pairs_same" if "same" in manifest.roles else "prepare.label_pairs")
    return face.say(f"prepare.label_{manifest.label_kind}")


def _sources(dataset: Dataset, face: Face) -> Table:
    rows = [
        [str(each["file"]), str(each["format"]), str(each.get("encoding") or "–"), f"{each['rows']:,}"]
        for each in dataset.manifest.sources
    ]
    say = face.say
    return Table([say(f"prepare.{word}") for word in ("file", "format", "encoding", "file_rows")], rows, right=[3])
