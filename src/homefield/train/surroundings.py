"""Where and with whom a run takes place."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from homefield.events import Listener
from homefield.train.distributed import Ranks
from homefield.train.run import RunRecord
from homefield.train.stop import Stop

__all__ = ["Surroundings"]


@dataclass(frozen=True)
class Surroundings:
    """The run's folder and record, the other processes, the wish to stop, what is closed at the end, who listens."""

    folder: Path
    record: RunRecord
    ranks: Ranks
    stop: Stop
    stack: ExitStack
    listen: Listener
