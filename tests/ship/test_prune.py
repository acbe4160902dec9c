"""What is cut is what matters least, and what is left computes what it computed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from homefield.backbones.cnn import CnnShape, CnnText
from homefield.backbones.load import rebuild
from homefield.errors import CallError
from homefield.evaluate.pairs import pair_rows
from homefield.messages import Language
from homefield.ship.prune import Importance, labelled, measure_importance, paired, prune
from homefield.tasks import task
from homefield.train.network import Network, NetworkInfo

from .runs import TOPICS, forward, small_encoder

TEXTS = [question for questions in TOPICS.values() for question in questions]
TARGETS = np.repeat(np.arange(4), 5)


def network() -> Network:
    encoder = small_encoder(TEXTS)
    torch.manual_seed(0)
    head = task("classify").head(encoder.width, 4, 0.0)
    return Network(encoder, head, NetworkInfo("classify", "category", tuple(TOPICS), "all", 0, 32, 0.0)).eval()


def silence(whole: Network, layer: int, head: int, units: list[int]) -> None:
    """Make a head and some units put out nothing."""
    block = whole.backbone.blocks[layer]
    with torch.no_grad():
        block.out.weight[:, 8 * head : 8 * head + 8] = 0.0
        block.down.weight[:, units] = 0.0


def test_what_puts_out_nothing_matters_nothing_and_is_cut_without_a_trace() -> None:
    whole = network()
    for layer, head in ((0, 2), (1, 0)):
        silence(whole, layer, head, list(range(0, 64, 4)))
    found = measure_importance(whole, task("classify"), labelled(whole, TEXTS, TARGETS))
    assert found.heads.argmin(axis=1).tolist() == [2, 0]
    assert found.heads.shape == (2, 4)
    assert np.sort(found.units[0])[:16].max() == 0.0
    cut = prune(whole, found, 0.25)
    assert cut.backbone.shape.heads == 3
    assert cut.backbone.shape.inner == 48
    np.testing.assert_allclose(forward(cut, TEXTS)[0], forward(whole, TEXTS)[0], atol=1e-5)


def test_of_vectors_pairs_say_what_matters() -> None:
    encoder = small_encoder(TEXTS)
    info = NetworkInfo("match", "vector", (), "all", 0, 32, 0.0)
    whole = Network(encoder, task("match").head(encoder.width, 0, 0.0), info).eval()
    silence(whole, 0, 3, list(range(16)))
    pairs = pair_rows(TEXTS[::2], TEXTS[1::2], [True] * 9 + [False])
    found = measure_importance(whole, task("match"), paired(whole, pairs))
    assert found.heads.argmin(axis=1)[0] == 3
    assert found.units[0, :16].max() == 0.0
    assert found.units[0, 16:].min() > 0.0


def test_a_pruned_network_is_rebuilt_from_its_blueprint_and_trained_on() -> None:
    cut = prune(network(), Importance(np.ones((2, 4)), np.ones((2, 64))), 0.5)
    again = rebuild(cut.backbone.blueprint(), cut.backbone.tokenizer)
    again.load_state_dict(cut.backbone.state_dict())
    assert cut.backbone.facts.parameters == sum(weight.numel() for weight in again.parameters())
    found, _ = forward(Network(again, cut.head, cut.info), TEXTS)
    np.testing.assert_allclose(found, forward(cut, TEXTS)[0], atol=1e-6)
    ids = torch.ones(2, 5, dtype=torch.long)
    for parameter in again.parameters():
        parameter.requires_grad_(True)
    again(ids, torch.ones(2, 5, dtype=torch.bool)).sum().backward()


def test_at_least_one_head_stays() -> None:
    cut = prune(network(), Importance(np.ones((2, 4)), np.ones((2, 64))), 0.99)
    assert cut.backbone.shape.heads == 1
    assert cut.backbone.shape.inner == 8


def test_a_network_without_heads_is_refused(language: Language) -> None:
    encoder = small_encoder(TEXTS)
    facts = encoder.facts
    cnn = CnnText(facts, encoder.tokenizer, CnnShape(encoder.tokenizer.get_vocab_size(), 4))
    other = Network(cnn, task("classify").head(cnn.width, 4, 0.0), network().info)
    with pytest.raises(CallError) as caught:
        measure_importance(other, task("classify"), labelled(other, TEXTS, TARGETS))
    assert "--distil" in caught.value.next_step(language)
