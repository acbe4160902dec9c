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
from homefield.serve.machine import physical_cores

__all__ = ["ServedNetwork", "Sessions", "open_session"]

Ids = NDArray[np.int64]
Mask = NDArray[np.bool_]
States = NDArray[np.float32]

# On a processor the fused SkipLayerNormalization takes 1.2 ms where Add and LayerNormalization take 0.2 ms (640 x 384
# numbers, one thread, AVX-512, ONNX Runtime 1.32): without the fusion an int8 minilm-en is 25 % faster.
_SLOWER = ("SkipLayerNormFusion",)


def open_session(model: Path | bytes, *, threads: int | None = None, spin: bool = True) -> ort.InferenceSession:
    """An ONNX Runtime session on the processor; `threads` None means every physical core.

    spin: idle threads keep their processor for a moment, which is quicker where nothing else wants it.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads or physical_cores()
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int(spin)))
    return ort.InferenceSession(
        str(model) if isinstance(model, Path) else model,
        options,
        providers=["CPUExecutionProvider"],
        disabled_optimizers=list(_SLOWER),
    )


class _Shared:
    """A session that a weak reference can point to."""

    def __init__(self, session: ort.InferenceSession) -> None:
        self.session = session


class Sessions:
    """Open sessions of frozen parts, by content; one goes when the last model that uses it goes.

    Args:
        spin: as in `open_session`; False where other work shares the processors, as in a server: with both busy, an
            int8 minilm-en answers two to five times as many texts a second.
    """

    def __init__(self, *, spin: bool = True) -> None:
        self._spin = spin
        self._lock = threading.Lock()
        self._open: weakref.WeakValueDictionary[tuple[str, int], _Shared] = weakref.WeakValueDictionary()

    def open(self, file: Path, threads: int) -> ort.InferenceSession:
        """A session of a part that nobody shares."""
        return open_session(file, threads=threads, spin=self._spin)

    def frozen(self, file: Path, threads: int) -> _Shared:
        """The session of the frozen part in `file`, whose name says its content."""
        with self._lock:
            found = self._open.get((file.name, threads))
            if found is None:
                found = _Shared(self.open(file, threads))
                self._open[file.name, threads] = found
            return found


class ServedNetwork:
    """The parts of one model in one precision.

    frozen: the name of the frozen part, which says its content; None when the model ships whole.
    """

    def __init__(
        self, bundle: Bundle, precision: Precision, *, threads: int | None = None, sessions: Sessions | None = None
    ) -> None:
        parts = bundle.parts(precision)
        threads = threads or physical_cores()
        sessions = sessions or Sessions()
        self._head = sessions.open(bundle.file(parts.head), threads)
        self.frozen: str | None = None
        if parts.frozen is not None:
            # The name says the content, which opening the model has compared.
            self.frozen = Path(parts.frozen).name
            self._shared = sessions.frozen(bundle.file(parts.frozen), threads)

    def __call__(self, ids: Ids, mask: Mask) -> tuple[States, States]:
        """ids and mask `[B, T]` to outputs `[B, C]` and vectors `[B, D]`."""
        if self.frozen is None:
            return self._run(self._head, {"ids": ids, "mask": mask})
        return self.finish(self.reach(ids, mask), mask)

    def reach(self, ids: Ids, mask: Mask) -> States:
        """The frozen part alone: ids and mask `[B, T]` to states `[B, T, *]`."""
        return cast("States", self._shared.session.run(None, {"ids": ids, "mask": mask})[0])

    def finish(self, hidden: States, mask: Mask) -> tuple[States, States]:
        """The head part alone: states `[B, T, *]` to outputs `[B, C]` and vectors `[B, D]`."""
        return self._run(self._head, {"hidden": hidden, "mask": mask})

    @staticmethod
    def _run(session: ort.InferenceSession, feed: dict[str, Any]) -> tuple[States, States]:
        outputs, vectors = session.run(None, feed)
        return cast("States", outputs), cast("States", vectors)
