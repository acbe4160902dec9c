"""`prepare`: files of records become a dataset.

Two passes. The first reads, judges and cleans every row by itself and puts it aside on disk with a few numbers kept for
it (`gather`). From these numbers it is decided what is merged, contradictory, leaked from the test file or a
near-duplicate, and who goes into which split (`settle`). The second pass writes (`write`). Memory is the numbers and a
block of rows.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from homefield.data.dataset import Dataset, LabelKind, open_dataset
from homefield.data.describe import Records, describe
from homefield.data.gather import Gathered, gather
from homefield.data.labels import label_names
from homefield.data.near import NearIndex
from homefield.data.options import PrepareOptions
from homefield.data.quality import judge_quality
from homefield.data.read import Opened, open_records, open_source, roles_text, shared_roles
from homefield.data.reasons import reason_text
from homefield.data.schema import Roles
from homefield.data.settle import Settled, settle
from homefield.data.spill import Spill
from homefield.data.write import write_quality, write_splits, write_unkept
from homefield.errors import CallError, RecordsError
from homefield.events import Event, Listener, silent
from homefield.files import new_folder, write_file
from homefield.messages import default_language

__all__ = ["prepare"]


def prepare(
    files: Sequence[Path],
    out: Path,
    *,
    columns: Mapping[str, str] = {},
    test: Path | None = None,
    options: PrepareOptions = PrepareOptions(),  # noqa: B008 - frozen
    forgotten: Container[str] = (),
    listen: Listener = silent,
) -> Dataset:
    """Make the dataset `out` from the records in `files`.

    columns: role -> column name (`text`, `label`, `other`, `same`, `group`, `time`, or any other role to carry along);
        roles that are not named are guessed and reported.
    forgotten: ids of customers whose rows are left out, by whichever column names them.
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
        gathered = gather(records.opened.sources, records.columns, options, spill, near, listen, forgotten)
        kind, names = _labels(records, gathered)
        settled = settle(
            spill,
            near,
            from_test=sum(gathered.live[:-1]) if records.with_test else spill.live,
            kind=kind,
            pairs="other" in records.columns,
            strata_of=_strata(gathered, kind, spill),
            options=options,
            listen=listen,
        )
        _check_usable(records, gathered, settled, kind, spill)
        rejected, merged = write_unkept(folder, spill, settled, records.names)
        rows = write_splits(folder, work, spill, settled, kind, listen)
        manifest = describe(Path(out).name, folder, records, gathered, settled, spill, kind, names, options, rows)
        counts = manifest.counts
        if counts["read"] != counts["kept"] + rejected + merged or counts["rejected"] != rejected:
            raise AssertionError(f"rows do not add up: {dict(counts)}, {rejected} rejected, {merged} merged")
        quality = judge_quality(manifest, gathered, settled, spill, options, listen)
        write_quality(folder, quality)
        write_file(folder / "manifest.json", json.dumps(asdict(manifest), ensure_ascii=False, indent=1, default=dict))
        shutil.rmtree(work)
    listen(Event("note", "data.note.done", values={**manifest.counts, "path": out}))
    return open_dataset(Path(out))


def _open(files: Sequence[Path], columns: Mapping[str, str], test: Path | None, options: PrepareOptions) -> Records:
    opened = open_records(files, columns=columns, encoding=options.encoding, delimiter=options.delimiter)
    if test is not None:
        source = open_source(Path(test), encoding=options.encoding, delimiter=options.delimiter)
        sources = (*opened.sources, source)
        opened = Opened(sources, shared_roles(opened.roles, sources))
    if options.label_kind == "none":
        kept = {role: column for role, column in opened.roles.columns.items() if role != "label"}
        opened = replace(opened, roles=Roles(kept, tuple(role for role in opened.roles.guessed if role in kept)))
    for split in ("group", "time"):
        if options.split == split and split not in opened.roles.columns:
            found = ", ".join(opened.sources[0].columns)
            raise CallError("data.needs_role", split=split, file=opened.sources[0].path, found=found)
    return Records(opened, test is not None)


def _announce(records: Records, listen: Listener) -> None:
    for source in records.opened.sources:
        # A sentence for each set of facts that readers know of a file.
        known = next(name for name in ("delimiter", "encoding", "sheet", "format") if name in source.facts)
        values = {name: "Tab" if value == "\t" else value for name, value in source.facts.items()}
        listen(Event("note", f"data.note.source_{known}", values={"file": source.path.name, **values}))
    roles = records.opened.roles
    if roles.guessed:
        listen(Event("note", "data.note.guessed", values={"roles": roles_text(roles, roles.guessed)}))


def _labels(records: Records, gathered: Gathered) -> tuple[LabelKind, list[str]]:
    if "label" not in records.columns:
        return "none", []
    kind = gathered.labels.kind()
    return kind, label_names(gathered.labels.names, kind)


def _strata(gathered: Gathered, kind: LabelKind, spill: Spill) -> NDArray[np.int64] | None:
    """The stratum of each label code: its place among the sorted labels, of a list that of its rarest label."""
    names = gathered.labels.names
    if kind == "number" or not names:
        return None
    if kind != "categories":
        place = {name: number for number, name in enumerate(sorted(names))}
        return np.array([place[name] for name in names], dtype=np.int64)
    rows = np.bincount(spill.load("label"), minlength=len(names)).tolist()
    lists: list[list[str]] = [json.loads(name) for name in names]
    frequency: Counter[str] = Counter()
    for members, count in zip(lists, rows, strict=True):
        frequency.update(dict.fromkeys(members, count))
    order = sorted(frequency, key=lambda name: (frequency[name], name))
    place = {name: number for number, name in enumerate(order, start=1)}  # 0: no label at all
    return np.array([min((place[name] for name in members), default=0) for members in lists], dtype=np.int64)


def _check_usable(records: Records, gathered: Gathered, settled: Settled, kind: LabelKind, spill: Spill) -> None:
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
        own = settled.kept[settled.kept < sum(gathered.live[:-1])] if records.with_test else settled.kept
        codes = np.bincount(spill.load("label")[own]).nonzero()[0]
        if len(codes) == 1:
            name = gathered.labels.names[int(codes[0])]
            raise RecordsError(
                "data.one_class", file=source.path, column=records.columns["label"], label=name, rows=len(own)
            )


def _blank(reason: str) -> dict[str, object]:
    del reason
    return dict.fromkeys(("found", "limit", "expected", "encoding", "column", "file", "row"), "…")
