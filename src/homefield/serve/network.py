"""A model's ONNX parts in ONNX Runtime: token numbers in, outputs and vectors out.

A frozen part is opened once per process and shared by every model that names it (its name says its content), so that
several models over one backbone cost one copy in memory and, asked together, one pass.
"""

from __future__ import annotations

import threading
import weakref
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from homefield.bundle import Bundle, Precision
from homefield.serve.cores import Cores
from homefield.serve.machine import physical_cores

__all__ = ["ServedNetwork", "Sessions", "open_session"]

Ids = NDArray[np.int64]
Mask = NDArray[np.bool_]
States = NDArray[np.float32]

# On a processor the fused SkipLayerNormalization takes 1.2 ms where Add and LayerNormalization take 0.2 ms (640 x 384
# numbers, one thread, AVX-512, ONNX Runtime 1.32): without the fusion an int8 minilm-en is 25 % faster.
_SLOWER = ("SkipLayerNormFusion",)


def open_session(model: Path | bytes, *, threads: int | None = None) -> ort.InferenceSession:
    """An ONNX Runtime session on the processor; `threads` None means every physical core."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads or physical_cores()
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3
    return ort.InferenceSession(
        str(model) if isinstance(model, Path) else model,
        options,
        providers=["CPUExecutionProvider"],
        disabled_optimizers=list(_SLOWER),
    )


class Part:
    """One ONNX file, open for passes that have one core and, where they may `spin`, for such as have them all."""

    def __init__(self, file: Path, cores: Cores, *, spin: bool = True) -> None:
        self._cores = cores
        self._narrow = open_session(file, threads=1)
        self._wide = open_session(file, threads=cores.count) if spin and cores.count > 1 else self._narrow

    def __call__(self, feed: dict[str, Any]) -> list[States]:
        """The outputs, in the order of the file."""
        with self._cores.taken() as alone:
            session = self._wide if alone else self._narrow
            return cast("list[States]", session.run(None, feed))


class Sessions:
    """What models in one process share: the cores, and open frozen parts by content.

    A part goes when the last model that uses it goes.

    Args:
        spin: a pass that is alone takes every core, with threads that wait for each other awake. False where other work
            shares the processors, as in a server: threads that sleep take as long as one (0.9 ms for a text of 20
            tokens, minilm-en in int8), so that there every pass has one core.
    """

    def __init__(self, *, spin: bool = True) -> None:
        self._spin = spin
        self._lock = threading.Lock()
        self._cores: dict[int, Cores] = {}
        self._open: weakref.WeakValueDictionary[tuple[str, int], Part] = weakref.WeakValueDictionary()

    def cores(self, threads: int) -> Cores:
        """The cores of models that use `threads` of them."""
        with self._lock:
            return self._cores.setdefault(threads, Cores(threads))

    def open(self, file: Path, cores: Cores) -> Part:
        """A part that nobody shares."""
        return Part(file, cores, spin=self._spin)

    def frozen(self, file: Path, cores: Cores) -> Part:
        """The frozen part in `file`, whose name says its content."""
        with self._lock:
            found = self._open.get((file.name, cores.count))
            if found is None:
                found = self.open(file, cores)
                self._open[file.name, cores.count] = found
            return found


class ServedNetwork:
    """The parts of one model in one precision. Safe to use from several threads.

    cores: what its passes share. frozen: the name of the frozen part, which says its content; None when the model ships
    whole.
    """

    def __init__(
        self, bundle: Bundle, precision: Precision, *, threads: int | None = None, sessions: Sessions | None = None
    ) -> None:
        parts = bundle.parts(precision)
        sessions = sessions or Sessions()
        self.cores = sessions.cores(threads or physical_cores())
        self._head = sessions.open(bundle.file(parts.head), self.cores)
        self.frozen: str | None = None
        if parts.frozen is not None:
            # The name says the content, which opening the model has compared.
            self.frozen = Path(parts.frozen).name
            self._shared = sessions.frozen(bundle.file(parts.frozen), self.cores)

    def __call__(self, ids: Ids, mask: Mask) -> tuple[States, States]:
        """ids and mask `[B, T]` to outputs `[B, C]` and vectors `[B, D]`."""
        if self.frozen is None:
            return self._judged({"ids": ids, "mask": mask})
        return self.finish(self.reach(ids, mask), mask)

    def reach(self, ids: Ids, mask: Mask) -> States:
        """The frozen part alone: ids and mask `[B, T]` to states `[B, T, *]`."""
        return self._shared({"ids": ids, "mask": mask})[0]

    def finish(self, hidden: States, mask: Mask) -> tuple[States, States]:
        """The head part alone: states `[B, T, *]` to outputs `[B, C]` and vectors `[B, D]`."""
        return self._judged({"hidden": hidden, "mask": mask})

    def _judged(self, feed: dict[str, Any]) -> tuple[States, States]:
        outputs, vectors = self._head(feed)
        return outputs, vectors
