"""A model on disk: a folder that appears whole, never changes, and is compared with its manifest when it is opened.

Layout::

    manifest.json             what it is, with the SHA-256 and size of everything below
    fp32/head.onnx            the network, or what stands on its frozen part
    fp32/frozen-<hash>.onnx   the frozen part, named by its content: the same file in every model that shares it
    int8/...                  the same with 8-bit weights, which is what is served
    weights/                  tokenizer.json, and network.json and network.safetensors to fine-tune further
    unknown.safetensors       what is known of the training texts' vectors
    beside.safetensors        n-grams that stand beside the network, where there are any
    evidence.parquet evidence.safetensors    training texts with row numbers and labels, and their vectors
    card.md report.html       for people
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save

from homefield.bundle.manifest import FORMAT, BundleManifest, Parts, Precision, read_manifest, write_manifest
from homefield.errors import CallError, HomefieldError, Tampered
from homefield.evaluate.grams import Beside
from homefield.files import new_folder, sha256_of, write_file

if TYPE_CHECKING:
    import polars as pl

__all__ = ["MANIFEST", "Bundle", "BundleDraft", "new_bundle", "open_bundle"]

MANIFEST = "manifest.json"
_UNKNOWN = "unknown.safetensors"
_BESIDE = "beside.safetensors"
_EVIDENCE = ("evidence.parquet", "evidence.safetensors")


@dataclass(frozen=True)
class Bundle:
    """An opened model folder."""

    path: Path
    manifest: BundleManifest

    def file(self, name: str) -> Path:
        """Where the file `name` of the manifest lies."""
        return self.path / name

    def parts(self, precision: Precision) -> Parts:
        """The ONNX files of a precision.

        Raises:
            CallError: `bundle.no_precision`, with those there are.
        """
        if precision not in self.manifest.parts:
            raise CallError("bundle.no_precision", got=precision, known=", ".join(sorted(self.manifest.parts)))
        return self.manifest.parts[precision]

    def unknown(self) -> dict[str, NDArray[np.float32]]:
        """The arrays of the unknown score; empty when the model has none."""
        return load_file(self.file(_UNKNOWN)) if _UNKNOWN in self.manifest.files else {}

    def beside(self) -> Beside | None:
        """The n-grams that stand beside the network; None when it stands alone."""
        return Beside.of_arrays(load_file(self.file(_BESIDE))) if self.manifest.beside else None

    def evidence_vectors(self) -> NDArray[np.float16]:
        """Vectors of the training texts kept, `[N, D]`; N is 0 when none are."""
        if _EVIDENCE[1] not in self.manifest.files:
            return np.empty((0, self.manifest.width), dtype=np.float16)
        return load_file(self.file(_EVIDENCE[1]))["vectors"]

    def evidence_axes(self) -> NDArray[np.float32] | None:
        """Orthonormal axes `[D, d]` along which most of the vectors' variance lies; None where they are few."""
        if _EVIDENCE[1] not in self.manifest.files:
            return None
        return load_file(self.file(_EVIDENCE[1])).get("axes")

    def evidence_rows(self) -> pl.DataFrame:
        """`text`, `label`, `source`, `row` of the training texts kept, in the order of their vectors."""
        import polars as pl

        if _EVIDENCE[0] not in self.manifest.files:
            return pl.DataFrame({"text": [], "label": [], "source": [], "row": []})
        return pl.read_parquet(self.file(_EVIDENCE[0]))


class BundleDraft:
    """A model folder while it is filled. `folder` takes files; `manifest` must be set before the end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest: BundleManifest | None = None

    def write_unknown(self, arrays: Mapping[str, NDArray[np.float32]]) -> None:
        """Keep the arrays of the unknown score."""
        self._write(_UNKNOWN, arrays)

    def write_beside(self, beside: Beside) -> None:
        """Keep the n-grams that stand beside the network."""
        self._write(_BESIDE, beside.arrays())

    def write_evidence(
        self, rows: pl.DataFrame, vectors: NDArray[np.float16], axes: NDArray[np.float32] | None = None
    ) -> None:
        """Keep training texts (`text`, `label`, `source`, `row`), their vectors `[N, D]`, and the axes `[D, d]` they
        are looked up along first."""
        rows.write_parquet(self.folder / _EVIDENCE[0])
        arrays: dict[str, NDArray[Any]] = {"vectors": np.ascontiguousarray(vectors, dtype=np.float16)}
        if axes is not None:
            arrays["axes"] = np.ascontiguousarray(axes, dtype=np.float32)
        self._write(_EVIDENCE[1], arrays)

    def _write(self, name: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        # By Python's own writing: the library's hides a full disk in an error of its own.
        content = save({key: np.ascontiguousarray(array) for key, array in arrays.items()})
        (self.folder / name).write_bytes(content)

    def seal(self) -> BundleManifest:
        """The manifest with every file in it, written."""
        if self.manifest is None:
            raise AssertionError("a draft needs a manifest")
        found = {}
        for file in _files(self.folder):
            name = file.relative_to(self.folder).as_posix()
            file.chmod(0o644)
            if name != MANIFEST:
                found[name] = {"sha256": sha256_of(file), "bytes": file.stat().st_size}
        manifest = replace(self.manifest, files=found)
        write_file(self.folder / MANIFEST, write_manifest(manifest))
        return manifest


@contextmanager
def new_bundle(path: Path) -> Iterator[BundleDraft]:
    """Make a model at `path`; it appears there, sealed, only when the block ends without an error.

    Raises:
        CallError: `files.exists`. MachineError: as `homefield.files.disk_errors`.
    """
    with new_folder(path) as folder:
        draft = BundleDraft(folder)
        yield draft
        draft.seal()


def open_bundle(path: Path) -> Bundle:
    """Open the model at `path`, comparing every byte with its manifest.

    Raises:
        CallError: `bundle.missing`, `bundle.is_run`, `bundle.is_dataset`, `bundle.newer`.
        Tampered: `bundle.manifest_changed`, `bundle.file_missing`, `bundle.file_added`, `bundle.file_changed`, each
            naming the file.
    """
    file = path / MANIFEST
    if not file.is_file():
        raise _not_a_model(path)
    content = file.read_bytes()
    if (values := _object(content)) is not None:
        found = values.get("format", 0)
        if isinstance(found, int) and found > FORMAT:
            raise CallError("bundle.newer", path=path, found=found, known=FORMAT)
        if "parts" not in values and "splits" in values:
            raise CallError("bundle.is_dataset", path=path)
    try:
        manifest = read_manifest(content)
    except ValueError as error:
        raise Tampered("bundle.manifest_changed", file=file) from error
    _compare(path, manifest)
    return Bundle(path, manifest)


def _compare(path: Path, manifest: BundleManifest) -> None:
    there = {file.relative_to(path).as_posix(): file for file in _files(path)}
    there.pop(MANIFEST, None)
    for name, expected in manifest.files.items():
        file = there.pop(name, None)
        if file is None:
            raise Tampered("bundle.file_missing", file=path / name)
        size = file.lstat().st_size
        if file.is_symlink() or size != expected["bytes"] or sha256_of(file) != expected["sha256"]:
            raise Tampered("bundle.file_changed", file=file, expected=expected["bytes"], got=size)
    if there:
        raise Tampered("bundle.file_added", file=there[min(there)])
    for parts in manifest.parts.values():
        for name in filter(None, (parts.frozen, parts.head)):
            if name not in manifest.files:
                raise Tampered("bundle.file_missing", file=path / name)
        # Models share a frozen part by its name, so a name that is not its content's would answer for another model.
        if parts.frozen is not None and Path(parts.frozen).name != _named(manifest.files[parts.frozen]["sha256"]):
            raise Tampered("bundle.file_renamed", file=path / parts.frozen)


def frozen_name(content: bytes) -> str:
    """What a frozen part is called: by the first 16 hexadecimal digits of the SHA-256 of its bytes."""
    return _named(hashlib.sha256(content).hexdigest())


def _named(sha256: str) -> str:
    return f"frozen-{sha256[:16]}.onnx"


def _files(folder: Path) -> list[Path]:
    """Everything under `folder` that is not a plain folder, links included."""
    return sorted(path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())


def _object(content: bytes) -> dict[str, object] | None:
    try:
        values = json.loads(content)
    except (UnicodeDecodeError, json.JSONDecodeError):
        return None
    return values if isinstance(values, dict) else None


def _not_a_model(path: Path) -> HomefieldError:
    if (path / "run.json").is_file():
        return CallError("bundle.is_run", path=path)
    return CallError("bundle.missing", path=path)
