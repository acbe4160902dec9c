from __future__ import annotations

from pathlib import Path

import torch

from homefield.train.checkpoint import Checkpoints, Place

TENSORS = {"weight/a": torch.arange(6.0).view(2, 3), "updates": torch.tensor(4)}


def test_what_is_saved_is_what_comes_back(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "checkpoints")
    assert checkpoints.latest() is None
    place = Place(step=12, best_value=0.1 + 0.2, since={"loss": 1 / 3})
    checkpoints.save(place, TENSORS)
    found = checkpoints.latest()
    assert found is not None
    assert found[0] == place
    assert all(torch.equal(found[1][name], tensor) for name, tensor in TENSORS.items())


def test_only_the_newest_and_the_best_are_kept(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    for step in (3, 6, 9):
        place = Place(step=step, best_step=3 if step < 9 else 9)
        checkpoints.save(place, TENSORS, {"a": torch.full((2,), float(place.best_step or 0))})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best-00000009", "step-00000009"]
    best = checkpoints.best(place)
    assert best is not None
    assert best["a"].tolist() == [9.0, 9.0]


def test_what_was_half_written_is_no_checkpoint_and_is_cleared_away(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(Place(step=3), TENSORS)
    torn = tmp_path / ".step-00000006.abc.partial"
    torn.mkdir()
    (torn / "state.safetensors").write_bytes(b"half")
    found = checkpoints.latest()
    assert found is not None
    assert found[0].step == 3
    checkpoints.save(Place(step=9), TENSORS)
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000009"]


def test_nothing_is_pickled(tmp_path: Path) -> None:
    Checkpoints(tmp_path).save(Place(step=3, best_step=3), TENSORS, TENSORS)
    assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} == {".safetensors", ".json"}
