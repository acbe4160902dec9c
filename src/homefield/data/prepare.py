"""`prepare`: files of records become a dataset.

Two passes. The first reads, judges and cleans every row by itself and puts it aside on disk with a few numbers kept for
it (`gather`). From these numbers it is decided what is merged, contradictory, leaked from the test file or a
near-duplicate, and who goes into which split (`settle`). The second pass writes (`write`). Memory is the numbers and a
block of rows.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homefield.data.dataset import SPLITS, Dataset, LabelKind, Manifest, open_dataset
from homefield.data.gather import Gathered, gather
from homefield.data.labels import label_names
from homefield.data.language import LANGUAGES
from homefield.data.near import NearIndex
from homefield.data.options import PrepareOptions
from homefield.data.quality import judge_quality
from homefield.data.read import Opened, open_records, open_source, roles_text, shared_roles
from homefield.data.reasons import reason_text
from homefield.data.settle import Settled, settle
from homefield.data.spill import Places, Spill
from homefield.data.write import write_quality, write_splits, write_unkept
from homefield.errors import CallError, RecordsError
from homefield.events import Event, Listener, silent
from homefield.files import new_folder, sha256_of, write_file
from homefield.messages import default_language

__all__ = ["prepare"]


@dataclass(frozen=True)
class _Records:
    """What is to be prepared: the opened records and, last of the sources, the test file."""

    opened: Opened
    with_test: bool

    @property
    def columns(self) -> Mapping[str, str]:
        return self.opened.roles.columns

    @property
    def names(self) -> list[str]:
        return [source.path.name for source in self.opened.sources]


def prepare(
    files: Sequence[Path],
    out: Path,
    *,
    columns: Mapping[str, str] = {},
    test: Path | None = None,
    options: PrepareOptions = PrepareOptions(),  # noqa: B008 - frozen
    listen: Listener = silent,
) -> Dataset:
    """Make the dataset `out` from the records in `files`.

    columns: role -> column name (`text`, `label`, `other`, `same`, `group`, `time`, or any other role to carry along);
        roles that are not named are guessed and reported.
    test: a file that becomes the test split as it is (cleaned); rows of `files` that stand in it are left out of train.

    Raises:
        CallError: `files.exists`, `data.needs_role` when the split needs a column that is not there.
        RecordsError: the records cannot be used; names the file, row and column. Nothing is left behind.
        MachineError: the disk is full or cannot be written to.
    """
    records = _open([Path(file) for file in files], columns, test, options)
    _announce(records, listen)
    with new_folder(Path(out)) as folder:
        work = folder / ".work"
        spill = Spill(work)
        near = NearIndex(spill, threshold=options.near_threshold)
        gathered = gather(records.opened.sources, records.columns, options, spill, near, listen)
        kind, names = _labels(records, gathered, options)
        settled = settle(
            spill,
            near,
            from_test=sum(gathered.live[:-1]) if records.with_test else spill.live,
            kind=kind,
            pairs="other" in records.columns,
            strata_of=_strata(gathered, kind),
            options=options,
            listen=listen,
        )
        _check_usable(records, gathered, settled, kind, names, spill)
        rejected, merged = write_unkept(folder, spill, settled, records.names)
        rows = write_splits(folder, work, spill, settled, kind, listen)
        manifest = _manifest(Path(out).name, folder, records, gathered, settled, spill, kind, names, options, rows)
        counts = manifest.counts
        if counts["read"] != counts["kept"] + rejected + merged or counts["rejected"] != rejected:
            raise AssertionError(f"rows do not add up: {dict(counts)}, {rejected} rejected, {merged} merged")
        quality = judge_quality(manifest, gathered, settled, spill, options, listen)
        write_quality(folder, quality)
        write_file(folder / "manifest.json", json.dumps(asdict(manifest), ensure_ascii=False, indent=1, default=dict))
        shutil.rmtree(work)
    listen(Event("note", "data.note.done", values={**manifest.counts, "path": out}))
    return open_dataset(Path(out))


def _open(files: Sequence[Path], columns: Mapping[str, str], test: Path | None, options: PrepareOptions) -> _Records:
    opened = open_records(files, columns=columns, encoding=options.encoding, delimiter=options.delimiter)
    if test is not None:
        source = open_source(Path(test), encoding=options.encoding, delimiter=options.delimiter)
        sources = (*opened.sources, source)
        opened = Opened(sources, shared_roles(opened.roles, sources))
    for split in ("group", "time"):
        if options.split == split and split not in opened.roles.columns:
            found = ", ".join(opened.sources[0].columns)
            raise CallError("data.needs_role", split=split, file=opened.sources[0].path, found=found)
    return _Records(opened, test is not None)


def _announce(records: _Records, listen: Listener) -> None:
    for source in records.opened.sources:
        facts = ", ".join(f"{name}: {value}" for name, value in source.facts.items() if value != "")
        listen(
            Event("note", "data.note.source", values={"file": source.path.name, "facts": facts.replace("\t", "tab")})
        )
    roles = records.opened.roles
    if roles.guessed:
        listen(Event("note", "data.note.guessed", values={"roles": roles_text(roles, roles.guessed)}))


def _labels(records: _Records, gathered: Gathered, options: PrepareOptions) -> tuple[LabelKind, list[str]]:
    if "label" not in records.columns or options.label_kind == "none":
        return "none", []
    kind = gathered.labels.kind(file=records.opened.sources[0].path, column=records.columns["label"])
    return kind, label_names(gathered.labels.names, kind)


def _strata(gathered: Gathered, kind: LabelKind) -> NDArray[np.int64] | None:
    """The stratum of each label code: its place among the sorted labels; of a list, its rarest is not known here, so
    the whole list counts as one."""
    names = gathered.labels.names
    if kind == "number" or not names:
        return None
    order = np.argsort(np.array(names, dtype=object), kind="stable")
    strata = np.empty(len(names), dtype=np.int64)
    strata[order] = np.arange(len(names))
    return strata


def _check_usable(
    records: _Records, gathered: Gathered, settled: Settled, kind: LabelKind, names: Sequence[str], spill: Spill
) -> None:
    """Raise what makes the records useless as a whole: nothing read, everything rejected, one class only."""
    source = records.opened.sources[0]
    if sum(gathered.rows) == 0:
        raise RecordsError("data.no_rows", file=source.path)
    if len(settled.kept) == 0 or not (settled.split == 0).any():
        reasons = gathered.reasons.most_common(1)
        why = ""
        if reasons:
            index, row, text = gathered.first_rejected[reasons[0][0]]
            sentence = reason_text(reasons[0][0], default_language(), _blank(reasons[0][0]))
            why = f"{records.names[index]} {row}: {sentence} {text!r}"
        raise RecordsError("data.all_rejected", file=source.path, rows=sum(gathered.rows), why=why)
    if kind == "category":
        codes = np.unique(spill.load("label")[settled.kept])
        if len(codes) == 1:
            name = gathered.labels.names[int(codes[0])]
            raise RecordsError(
                "data.one_class", file=source.path, column=records.columns["label"], label=name, rows=len(settled.kept)
            )
    del names


def _blank(reason: str) -> dict[str, object]:
    del reason
    return dict.fromkeys(("found", "limit", "expected", "encoding", "column", "file", "row"), "…")


def _manifest(
    name: str,
    folder: Path,
    records: _Records,
    gathered: Gathered,
    settled: Settled,
    spill: Spill,
    kind: LabelKind,
    names: Sequence[str],
    options: PrepareOptions,
    rows: Mapping[str, int],
) -> Manifest:
    kept = len(settled.kept)
    merged = int((settled.into >= 0).sum())
    read = sum(gathered.rows)
    ids = spill.load("id")[settled.kept]
    contents = {
        split: hashlib.sha256(ids[settled.split == code].tobytes()).hexdigest() for code, split in enumerate(SPLITS)
    }
    described = {
        "content": contents, "roles": sorted(records.columns), "label_kind": kind, "labels": list(names),
        "options": options.as_json(),
    }  # fmt: skip
    languages = np.bincount(spill.load("language")[settled.kept], minlength=len(LANGUAGES)).tolist()
    return Manifest(
        name=name,
        hash=hashlib.sha256(json.dumps(described, sort_keys=True, ensure_ascii=False).encode()).hexdigest(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        sources=tuple(_sources(records, gathered)),
        roles=dict(records.columns),
        guessed=records.opened.roles.guessed,
        label_kind=kind,
        labels=tuple(names),
        languages={language: count for language, count in zip(LANGUAGES, languages, strict=True) if count},
        counts={"read": read, "kept": kept, "rejected": read - kept - merged, "merged": merged},
        splits={
            split: {"rows": rows[split], "sha256": sha256_of(folder / f"{split}.parquet"), "content": contents[split]}
            for split in SPLITS
        },
        options=options.as_json(),
        leakage=_leakage(records, settled, spill),
    )


def _sources(records: _Records, gathered: Gathered) -> list[dict[str, Any]]:
    last = len(records.opened.sources) - 1
    return [
        {
            "file": source.path.name,
            "sha256": sha256_of(source.path),
            "rows": gathered.rows[index],
            "test": records.with_test and index == last,
            **source.facts,
        }
        for index, source in enumerate(records.opened.sources)
    ]


def _leakage(records: _Records, settled: Settled, spill: Spill) -> dict[str, Any]:
    """What of the test file stood in train: how many rows were removed, and the first of them."""
    if not records.with_test:
        return {"checked": False, "removed": 0, "exact": 0, "near": 0, "examples": []}
    places = Places(spill)
    first = np.argsort(settled.leaked)[:20]
    examples = []
    for at in first.tolist():
        source, row = places[int(settled.leaked[at])]
        test_source, test_row = places[int(settled.twins[at])]
        examples.append(
            {"file": records.names[source], "row": row, "test_row": test_row, "exact": bool(settled.exact[at])}
        )
        del test_source
    exact = int(settled.exact.sum())
    return {
        "checked": True,
        "removed": len(settled.leaked),
        "exact": exact,
        "near": len(settled.leaked) - exact,
        "examples": examples,
    }
