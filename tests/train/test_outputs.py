from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from torch import Tensor, nn

from homefield.train.distributed import Ranks
from homefield.train.outputs import open_outputs, produce_outputs
from homefield.train.precision import Precision

EXACT = Precision("fp32", torch.device("cpu"))


class Counted:
    """A feed whose row r has outputs r, r + 0.5 and vector r / 2; notes how many rows were asked for at once."""

    def __init__(self, lengths: Sequence[int]) -> None:
        self._lengths = np.array(lengths, dtype=np.int32)
        self.asked: list[int] = []

    def __len__(self) -> int:
        return len(self._lengths)

    def lengths(self, epoch: int) -> np.ndarray:
        del epoch
        return self._lengths

    def produce(self, network: nn.Module, rows: np.ndarray, epoch: int, precision: Precision) -> tuple[Tensor, Tensor]:
        del epoch, precision
        assert not network.training
        self.asked.append(len(rows))
        at = torch.from_numpy(rows).float()[:, None]
        return torch.cat([at, at + 0.5], dim=1), at / 2


@pytest.mark.parametrize("kept", [True, False])
def test_each_row_lies_at_its_place_whatever_the_order_of_work(kept: bool, tmp_path: Path) -> None:
    feed = Counted([3, 40, 7, 12, 5] * 20)
    path = tmp_path / "outputs" / "test.safetensors" if kept else None
    found = produce_outputs(
        nn.Linear(1, 1).train(),
        feed,
        path,
        size=2,
        width=1,
        tokens=80,
        precision=EXACT,
        ranks=Ranks(),  # type: ignore[arg-type]
    )
    np.testing.assert_array_equal(found.logits, np.arange(100)[:, None] + np.array([[0, 0.5]]))
    np.testing.assert_array_equal(found.vectors[:, 0], (np.arange(100) / 2).astype(np.float16))
    assert max(feed.asked) <= 80 // 3, "no more than a batch at once"
    if path is not None:
        np.testing.assert_array_equal(load_file(path)["logits"], found.logits)
        np.testing.assert_array_equal(open_outputs(path).vectors, found.vectors)
        assert [file.name for file in path.parent.iterdir()] == ["test.safetensors"]


def test_without_vectors_or_rows_the_file_is_still_one(tmp_path: Path) -> None:
    path = tmp_path / "none.safetensors"
    produce_outputs(
        nn.Linear(1, 1),
        Counted([4]),
        path,
        size=2,
        width=0,
        tokens=80,
        precision=EXACT,
        ranks=Ranks(),  # type: ignore[arg-type]
    )
    assert open_outputs(path).vectors.shape == (1, 0)
    assert load_file(path)["logits"].tolist() == [[0.0, 0.5]]


def test_the_network_goes_on_training_afterwards() -> None:
    network = nn.Linear(1, 1).train()
    produce_outputs(network, Counted([4]), None, size=2, width=0, tokens=8, precision=EXACT, ranks=Ranks())  # type: ignore[arg-type]
    assert network.training
