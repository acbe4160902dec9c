"""A release on disk: what an application answers with, whole or not there, compared with its manifest when opened.

Layout::

    manifest.json           the models by name, version and seal, weights, thresholds, and the SHA-256 of every file
    answers.json            approved answers, and which of them are one matter
    questions.parquet       historical questions with the places of their matters
    questions.index answers.index    their vectors
    lexicon.safetensors     their counted n-grams
    vocabulary.safetensors  their words, while they are few
    density.safetensors     how densely they lie, where they are many
    head.safetensors        the linear layer
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from homefield.apps.support.answers import Answer
from homefield.apps.support.understanding.density import Density
from homefield.apps.support.understanding.lexicon import Lexicon
from homefield.apps.support.understanding.material import Matter
from homefield.apps.support.understanding.recall import Head, Recall
from homefield.apps.support.understanding.strangeness import Strangeness
from homefield.apps.support.understanding.vocabulary import Vocabulary
from homefield.errors import CallError, Tampered
from homefield.files import new_folder, sha256_of, write_file
from homefield.index import ExactIndex, GraphIndex, VectorIndex
from homefield.store.columns import canonical

__all__ = ["FORMAT", "MANIFEST", "Contents", "models_of", "read_release", "write_release"]

FORMAT = 3  # 1: one network, no vocabulary; 2: no density
MANIFEST = "manifest.json"
_VOCABULARY, _DENSITY = "vocabulary.safetensors", "density.safetensors"
_KINDS: Mapping[str, type[ExactIndex] | type[GraphIndex]] = {"exact": ExactIndex, "graph": GraphIndex}


@dataclass(frozen=True)
class Contents:
    """What a release holds beside its manifest. questions: as people asked them, without earlier turns. answer_ids: in
    the order of the answers' vectors."""

    answers: Mapping[str, Answer]
    matters: tuple[Matter, ...]
    questions: list[str]
    answer_ids: tuple[str, ...]
    recall: Recall
    unknown: Strangeness


def write_release(folder: Path, contents: Contents, facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """Write `contents` to a new folder named by its seal under `folder`; the manifest, `facts` and files in it.

    Raises:
        MachineError: as `homefield.files.disk_errors`.
    """
    manifest: dict[str, Any] = {"format": FORMAT, "kind": "support", **facts}
    place = folder / f"{models_of(manifest)[0]['seal'][:12]}-{manifest['made'].replace(':', '').replace('+0000', '')}"
    with new_folder(place) as made:
        _write(made, contents)
        manifest["index"] = {
            name: "graph" if isinstance(index, GraphIndex) else "exact"
            for name, index in (("questions", contents.recall.questions), ("answers", contents.recall.answers))
        }
        manifest["folder"] = place.name
        manifest["files"] = {
            file.name: {"sha256": sha256_of(file), "bytes": file.stat().st_size} for file in sorted(made.iterdir())
        }
        write_file(made / MANIFEST, canonical(manifest))
    return manifest


def models_of(manifest: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The networks of a release: name, version and seal of each, and the language that it reads; the first reads
    whatever is in none of theirs."""
    found: Sequence[Mapping[str, Any]] = manifest["models"] if manifest["format"] > 1 else [manifest["model"]]
    return found


def read_release(folder: Path, manifest: Mapping[str, Any]) -> Contents:
    """Open the release in `folder`, comparing every file with the manifest that the store keeps.

    Raises:
        CallError: `support.newer_release`. Tampered: `support.release_changed`, naming the file.
    """
    if manifest["format"] > FORMAT:
        raise CallError("support.newer_release", path=folder, found=manifest["format"], known=FORMAT)
    for name, expected in manifest["files"].items():
        file = folder / name
        if file.is_symlink() or not file.is_file() or sha256_of(file) != expected["sha256"]:
            raise Tampered("support.release_changed", file=file)
    try:
        return _read(folder, manifest)
    except (KeyError, ValueError, SafetensorError) as error:
        raise Tampered("support.release_changed", file=folder) from error


def _write(folder: Path, contents: Contents) -> None:
    written = {
        "answers": [_plain(answer) for answer in contents.answers.values()],
        "matters": [list(matter.answers) for matter in contents.matters],
        "vectors": list(contents.answer_ids),
    }
    write_file(folder / "answers.json", canonical(written))
    recall = contents.recall
    pl.DataFrame({"question": contents.questions, "matter": recall.question_matters}).write_parquet(
        folder / "questions.parquet"
    )
    recall.questions.save(folder / "questions.index")
    recall.answers.save(folder / "answers.index")
    write_file(folder / "lexicon.safetensors", save(recall.lexicon.arrays()))
    if recall.familiar is not None:
        name = _VOCABULARY if isinstance(recall.familiar, Vocabulary) else _DENSITY
        write_file(folder / name, save(recall.familiar.arrays()))
    arrays: dict[str, NDArray[Any]] = {"weights": recall.head.weights, "bias": recall.head.bias}
    write_file(folder / "head.safetensors", save({name: np.ascontiguousarray(each) for name, each in arrays.items()}))


def _read(folder: Path, manifest: Mapping[str, Any]) -> Contents:
    written = json.loads((folder / "answers.json").read_text(encoding="utf-8"))
    answers = {each["id"]: _answer(each) for each in written["answers"]}
    matters = tuple(Matter(ids[0], tuple(ids)) for ids in written["matters"])
    place = {answer: number for number, matter in enumerate(matters) for answer in matter.answers}
    frame = pl.read_parquet(folder / "questions.parquet")
    arrays = load_file(folder / "head.safetensors")
    indexes: dict[str, VectorIndex] = {
        name: _KINDS[manifest["index"][name]].load(folder / f"{name}.index") for name in ("questions", "answers")
    }
    familiar: Vocabulary | Density | None = None
    if _VOCABULARY in manifest["files"]:
        familiar = Vocabulary.of_arrays(load_file(folder / _VOCABULARY))
    elif _DENSITY in manifest["files"]:
        familiar = Density.of_arrays(load_file(folder / _DENSITY))
    recall = Recall(
        indexes["questions"],
        indexes["answers"],
        frame["matter"].to_numpy(),
        np.array([place[name] for name in written["vectors"]], dtype=np.int64),
        Lexicon.of_arrays(load_file(folder / "lexicon.safetensors")),
        Head(arrays["weights"], arrays["bias"]),
        familiar,
    )
    return Contents(
        answers,
        matters,
        frame["question"].to_list(),
        tuple(written["vectors"]),
        recall,
        Strangeness.of(manifest["unknown"]),
    )


def _plain(answer: Answer) -> dict[str, Any]:
    days = {"valid_from": answer.valid_from, "valid_to": answer.valid_to}
    return {**asdict(answer), **{name: day and day.isoformat() for name, day in days.items()}}


def _answer(written: Mapping[str, Any]) -> Answer:
    days = {name: date.fromisoformat(written[name]) if written[name] else None for name in ("valid_from", "valid_to")}
    return Answer(**{**written, **days})
