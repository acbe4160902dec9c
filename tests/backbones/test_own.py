"""A backbone made here: its folder gives the same network again, in 16 and in 8 bits nearly, and is taken like any."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from homefield.backbones.bring import bring
from homefield.backbones.catalogue import resolve
from homefield.backbones.encode import encode
from homefield.backbones.encoder import Encoder, Shape
from homefield.backbones.facts import Facts
from homefield.backbones.load import load, rebuild
from homefield.backbones.own import Weights, write_own
from homefield.backbones.phrases import phrase_tables
from homefield.backbones.tokenizer import corpus_tokenizer
from homefield.errors import CallError
from homefield.workspace import Workspace

TEXTS = ["我们喜欢上海的银行", "信用卡还款 credit card", "股票和基金", ""]


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    tokenizer = corpus_tokenizer(TEXTS * 10, vocabulary=300, pieces=60)
    shape = Shape(tokenizer.get_vocab_size(), 32, 2, 4, 64, 24, types=0, eps=1e-5, norm="pre", grams=3, gram=8)
    ids = tokenizer.encode("我们喜欢", add_special_tokens=False).ids
    grams = [np.array([ids[:2], ids[2:]]), np.empty((0, 3), np.int64), np.empty((0, 4), np.int64)]
    torch.manual_seed(0)
    made = Encoder(Facts("own", 2, 32, 24), tokenizer, shape)
    made.initialise()
    assert made.phrases is not None
    made.phrases.initialise(*phrase_tables(grams))
    return made.eval()


def states(backbone: object) -> torch.Tensor:
    assert isinstance(backbone, Encoder)
    ids, mask = map(torch.from_numpy, encode(TEXTS, backbone.tokenizer, 24).batch(np.arange(len(TEXTS))))
    with torch.inference_mode():
        return backbone.pool(backbone(ids, mask), mask)


@pytest.mark.parametrize(("weights", "off"), [("float32", 0.0), ("float16", 0.01), ("int8", 0.05)])
def test_the_folder_gives_the_network_again(encoder: Encoder, weights: Weights, off: float, tmp_path: Path) -> None:
    write_own(encoder, tmp_path / "mine", weights=weights, card="---\nlanguage: zh\nlicense: mit\n---\n")
    source = resolve(str(tmp_path / "mine"), workspace=Workspace(tmp_path))
    assert (source.facts.layers, source.facts.width, source.facts.max_length) == (2, 32, 24)
    assert (source.facts.languages, source.facts.licence) == (("zh",), "mit")
    assert source.facts.learning_rate == resolve("homefield-zh", workspace=Workspace(tmp_path)).facts.learning_rate
    again = load(source)
    assert states(again) == pytest.approx(states(encoder), abs=off)
    assert again.tokenizer.to_str() == encoder.tokenizer.to_str()


def test_eight_bits_take_the_matrices_to_a_quarter(encoder: Encoder, tmp_path: Path) -> None:
    write_own(encoder, tmp_path / "mine", weights="int8")
    kept = load_file(tmp_path / "mine" / "model.safetensors")
    assert kept["words.weight"].dtype is torch.int8
    assert kept["phrases.weight"].dtype is torch.int8
    assert kept["blocks.0.qkv.weight"].dtype is torch.int8
    assert kept["blocks.0.qkv.bias"].dtype is torch.float16
    assert "phrases.slots" not in kept  # a place for each n-gram instead of a million


def test_it_is_brought_into_a_workspace_like_any_other(encoder: Encoder, tmp_path: Path) -> None:
    write_own(encoder, tmp_path / "mine", weights="float16")
    workspace = Workspace(tmp_path / "workspace")
    bring(str(tmp_path / "mine"), name="my-zh", workspace=workspace)
    assert states(load(resolve("my-zh", workspace=workspace))) == pytest.approx(states(encoder), abs=0.01)


def test_a_run_rebuilds_it_from_its_blueprint(encoder: Encoder) -> None:
    again = rebuild(encoder.blueprint(), encoder.tokenizer)
    again.load_state_dict(encoder.state_dict())
    assert torch.equal(states(again), states(encoder))


def test_a_folder_with_other_weights_is_refused(encoder: Encoder, tmp_path: Path) -> None:
    write_own(encoder, tmp_path / "mine", weights="float16")
    config = tmp_path / "mine" / "config.json"
    config.write_text(config.read_text(encoding="utf-8").replace('"inner": 64', '"inner": 65'), encoding="utf-8")
    with pytest.raises(CallError) as raised:
        load(resolve(str(tmp_path / "mine"), workspace=Workspace(tmp_path)))
    assert raised.value.code == "backbones.bad_weights"


def test_the_corpus_tokenizer_knows_both_languages_and_is_the_same_each_time() -> None:
    tokenizer = corpus_tokenizer(iter(TEXTS * 10), vocabulary=300, pieces=60)
    assert tokenizer.encode("信用卡 Credit cards!").tokens[:5] == ["[CLS]", "信", "用", "卡", "credit"]
    assert [tokenizer.token_to_id(token) for token in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")] == [0, 1, 2, 3, 4]
    assert tokenizer.to_str() == corpus_tokenizer(iter(TEXTS * 10), vocabulary=300, pieces=60).to_str()
    assert not any(token.startswith("##") and token[2] > "\u2e80" for token in tokenizer.get_vocab())
