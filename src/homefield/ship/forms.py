"""The forms of a network in a model that is being made, asked through the very code that will serve them."""

from __future__ import annotations

from dataclasses import replace

from homefield.bundle import Bundle, BundleDraft, BundleManifest, Parts, Precision, frozen_name
from homefield.serve import Predictor
from homefield.ship.graphs import Graphs

__all__ = ["Forms"]


class Forms:
    """Writes ONNX files into a draft and opens them for answering. `manifest` knows the parts written so far."""

    def __init__(self, draft: BundleDraft, manifest: BundleManifest, threads: int | None) -> None:
        self._draft = draft
        self._threads = threads
        self.manifest = manifest

    def write(self, precision: Precision, graphs: Graphs) -> None:
        """Write a form, in place of an earlier one of that precision."""
        folder = self._draft.folder / precision
        folder.mkdir(exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
        frozen = None if graphs.frozen is None else frozen_name(graphs.frozen)
        if frozen is not None and graphs.frozen is not None:
            (folder / frozen).write_bytes(graphs.frozen)
        (folder / "head.onnx").write_bytes(graphs.head)
        parts = Parts(None if frozen is None else f"{precision}/{frozen}", f"{precision}/head.onnx")
        self.manifest = replace(self.manifest, parts={**self.manifest.parts, precision: parts})

    def predictor(self, precision: Precision) -> Predictor:
        """The model as it would be served now."""
        return Predictor(Bundle(self._draft.folder, self.manifest), precision=precision, threads=self._threads)
