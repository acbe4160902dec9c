"""Cached states are the states: same batches, same loss, never more disk than allowed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from homefield.backbones import activations
from homefield.backbones.activations import Filling, activation_cache
from homefield.backbones.encode import Encoded, encode
from homefield.backbones.encoder import Encoder
from homefield.backbones.how import parse_how
from homefield.backbones.layers import apply_how
from homefield.backbones.shelf import clear, entries
from homefield.events import Event
from homefield.messages import text

TEXTS = [f"text number {i} says " + "card " * (i % 9) for i in range(50)]


def encoded_for(backbone: Encoder, texts: list[str] = TEXTS) -> Encoded:
    return encode(texts, backbone.tokenizer, 32)


def test_a_batch_holds_the_states_of_its_texts(small_encoder: Callable[..., Encoder], tmp_path: Path) -> None:
    backbone = small_encoder()
    encoded = encoded_for(backbone)
    with activation_cache(backbone, encoded, 2, cache=tmp_path, budget=1) or pytest.fail("no cache") as cache:
        assert len(cache) == 50
        chosen = np.array([41, 3, 17, 3])
        hidden, mask = cache.batch(chosen)
        ids, expected_mask = map(torch.from_numpy, encoded.batch(chosen, pad_id=backbone.pad_id))
        assert torch.equal(mask, expected_mask)
        expected = backbone.reach(ids, mask, 2)
        torch.testing.assert_close(hidden[mask], expected[mask], atol=2e-3, rtol=1e-3)
        assert (hidden[~mask] == 0).all()
        assert cache.batch(chosen, dtype=torch.bfloat16)[0].dtype is torch.bfloat16


@pytest.mark.parametrize("how", ["top:2", "head", "lora:4@2", "adapter:4@1"])
def test_loss_and_logits_are_those_without_the_cache(
    small_encoder: Callable[..., Encoder], tmp_path: Path, how: str
) -> None:
    backbone = small_encoder()
    start = apply_how(backbone, parse_how(how))
    encoded = encoded_for(backbone)
    generator = torch.Generator().manual_seed(2)
    head = nn.Linear(32, 5)
    with torch.no_grad():
        head.weight.copy_(0.3 * torch.randn(5, 32, generator=generator))
    targets = torch.randint(0, 5, (50,), generator=generator)
    ids, mask = map(torch.from_numpy, encoded.batch(np.arange(50), pad_id=backbone.pad_id))
    with activation_cache(backbone, encoded, start, cache=tmp_path, budget=1) or pytest.fail("no cache") as cache:
        hidden, cached_mask = cache.batch(np.arange(50))
    plain = head(backbone.pool(backbone(ids, mask), mask))
    cached = head(backbone.pool(backbone.run(hidden, cached_mask, start), cached_mask))
    torch.testing.assert_close(cached, plain, atol=1e-3, rtol=0)
    losses = [nn.functional.cross_entropy(logits, targets).item() for logits in (plain, cached)]
    assert abs(losses[0] - losses[1]) < 1e-3


def test_it_is_filled_once(small_encoder: Callable[..., Encoder], tmp_path: Path) -> None:
    heard: list[Event] = []
    for _ in range(2):
        made = activation_cache(
            small_encoder(), encoded_for(small_encoder()), 2, cache=tmp_path, budget=1, listen=heard.append
        )
        assert made is not None
        made.close()
    assert [event.key for event in heard if event.kind == "stage"] == ["backbones.caching"]
    assert heard[-1].done == heard[-1].total == 50


def test_each_content_has_its_own(small_encoder: Callable[..., Encoder], tmp_path: Path) -> None:
    changed = small_encoder()
    with torch.no_grad():
        changed.blocks[0].up.bias.add_(1)
    backbone = small_encoder()
    texts = encoded_for(backbone)
    for network, encoded, layer, filling in [
        (backbone, texts, 2, Filling()),
        (backbone, texts, 3, Filling()),
        (backbone, encoded_for(backbone, TEXTS[:9]), 2, Filling()),
        (backbone, texts, 2, Filling(precision=torch.bfloat16)),
        (changed, texts, 2, Filling()),
    ]:
        made = activation_cache(network, encoded, layer, cache=tmp_path, budget=1, filling=filling)
        assert made is not None
        made.close()
    assert len(entries(tmp_path)) == 5


def test_embeddings_can_be_cached(small_encoder: Callable[..., Encoder], tmp_path: Path) -> None:
    backbone = small_encoder()
    encoded = encoded_for(backbone)
    with activation_cache(backbone, encoded, 0, cache=tmp_path, budget=1) or pytest.fail("no cache") as cache:
        hidden, mask = cache.batch(np.arange(50))
        ids, _ = map(torch.from_numpy, encoded.batch(np.arange(50), pad_id=backbone.pad_id))
        torch.testing.assert_close(hidden[mask], backbone.embed(ids, mask)[mask], atol=2e-3, rtol=1e-3)


def test_filling_that_stops_leaves_nothing_and_starts_again(
    small_encoder: Callable[..., Encoder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activations, "_TOKENS", 64)
    backbone = small_encoder().train()

    def stop(event: Event) -> None:
        if event.done and event.done > 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        activation_cache(backbone, encoded_for(backbone), 2, cache=tmp_path, budget=1, listen=stop)
    assert entries(tmp_path) == []
    assert list((tmp_path / "activations").iterdir()) == []
    assert backbone.training
    made = activation_cache(backbone, encoded_for(backbone), 2, cache=tmp_path, budget=1)
    assert made is not None
    assert len(made) == 50
    made.close()


def test_states_too_large_for_fp16_are_kept_in_bf16(small_encoder: Callable[..., Encoder], tmp_path: Path) -> None:
    backbone = small_encoder()
    with torch.no_grad():
        backbone.blocks[1].output_norm.weight.fill_(100_000.0)
    encoded = encoded_for(backbone)
    with activation_cache(backbone, encoded, 2, cache=tmp_path, budget=1) or pytest.fail("no cache") as cache:
        assert cache.manifest["dtype"] == "bfloat16"
        hidden, mask = cache.batch(np.arange(4))
        ids, _ = map(torch.from_numpy, encoded.batch(np.arange(4), pad_id=backbone.pad_id))
        assert torch.isfinite(hidden).all()
        expected = backbone.reach(ids, mask, 2)[mask]
        torch.testing.assert_close(hidden[mask], expected, rtol=0.01, atol=expected.abs().max().item() * 0.005)


def test_one_that_is_too_large_is_said_and_done_without(small_encoder: Callable[..., Encoder], tmp_path: Path) -> None:
    heard: list[Event] = []
    backbone = small_encoder()
    made = activation_cache(backbone, encoded_for(backbone), 2, cache=tmp_path, budget=1e-6, listen=heard.append)
    assert made is None
    assert [event.key for event in heard] == ["backbones.cache_over_budget"]
    assert "cache_budget_gb" in text(heard[0].key, "en", **heard[0].values)
    assert "训练会慢一些" in text(heard[0].key, "zh", **heard[0].values)


def test_a_disk_that_is_too_full_is_said_and_done_without(
    small_encoder: Callable[..., Encoder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        free = 1000

    monkeypatch.setattr("homefield.backbones.activations.shutil.disk_usage", lambda _: Usage)
    heard: list[Event] = []
    backbone = small_encoder()
    assert activation_cache(backbone, encoded_for(backbone), 2, cache=tmp_path, budget=1, listen=heard.append) is None
    assert [event.key for event in heard] == ["backbones.cache_over_disk"]


def test_the_oldest_used_leaves_and_what_is_in_use_stays(small_encoder: Callable[..., Encoder], tmp_path: Path) -> None:
    backbone = small_encoder()
    heard: list[Event] = []

    def make(first: int) -> activations.ActivationCache:
        made = activation_cache(
            backbone,
            encoded_for(backbone, TEXTS[first : first + 30]),
            2,
            cache=tmp_path,
            budget=9e-5,
            listen=heard.append,
        )
        assert made is not None
        return made

    held = make(0)
    make(1).close()
    size = entries(tmp_path)[0].bytes
    assert 3e4 < size < 4.5e4
    make(2).close()
    names = {entry.path.name for entry in entries(tmp_path)}
    assert held.folder.name in names
    assert len(names) == 2
    assert [event.key for event in heard if event.kind == "note"] == ["backbones.cache_evicted"]
    held.batch(np.arange(30))
    removed, kept = clear(tmp_path)
    assert [entry.path for entry in kept] == [held.folder]
    assert len(removed) == 1
    held.close()
    clear(tmp_path)
    assert entries(tmp_path) == []


def test_batches_of_filling_respect_the_token_budget() -> None:
    lengths = np.sort(np.array([1, 1, 3, 8, 9, 40, 9_000, 9_001]))
    slices = list(activations._batches(lengths, 1_024))
    covered = [i for piece in slices for i in range(len(lengths))[piece]]
    assert covered == list(range(len(lengths)))
    for piece in slices:
        padded = lengths[piece].max() * len(lengths[piece])
        assert padded <= 1_024 or len(lengths[piece]) == 1


def test_a_damaged_entry_is_computed_again(small_encoder: Callable[..., Encoder], tmp_path: Path) -> None:
    backbone = small_encoder()
    made = activation_cache(backbone, encoded_for(backbone), 2, cache=tmp_path, budget=1)
    assert made is not None
    expected = made.batch(np.arange(50))[0]
    made.close()
    file = made.folder / "hidden.bin"
    file.write_bytes(file.read_bytes()[:100])
    with activation_cache(backbone, encoded_for(backbone), 2, cache=tmp_path, budget=1) or pytest.fail("no") as again:
        assert torch.equal(again.batch(np.arange(50))[0], expected)
