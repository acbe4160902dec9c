"""Small backbones made on the spot: a folder as Transformers saves it, and networks of a few thousand numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from homefield.backbones.backbone import Backbone
from homefield.backbones.encode import encode
from homefield.backbones.encoder import Encoder, Shape
from homefield.backbones.facts import Facts
from homefield.backbones.tokenizer import train_tokenizer
from homefield.workspace import Workspace

TEXTS = [
    "my card has not arrived yet",
    "where is my card?",
    "I want to top up with a transfer, how long does it take?",
    "",
    "退款什么时候到账",
    "我的银行卡还没有寄到，请问要等多久？",
    "card 丢了怎么办",
]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "space")


@pytest.fixture
def small_encoder() -> Callable[..., Encoder]:
    """Makes an `Encoder` of 4 blocks x 32 with random weights, always the same ones."""

    def make(**changes: Any) -> Encoder:
        tokenizer = train_tokenizer(TEXTS * 2)
        values = {"vocabulary": tokenizer.get_vocab_size(), "width": 32, "layers": 4, "heads": 4, "inner": 64}
        shape = Shape(**{**values, "positions": 64, **changes})
        encoder = Encoder(Facts("small", shape.layers, shape.width, 64), tokenizer, shape)
        generator = torch.Generator().manual_seed(7)
        with torch.no_grad():
            for name, parameter in encoder.named_parameters():
                noise = torch.randn(parameter.shape, generator=generator)
                parameter.copy_(1 + 0.1 * noise if name.endswith("norm.weight") else 0.2 * noise)
        return encoder.eval()

    return make


@pytest.fixture
def tokens() -> Callable[[Backbone], tuple[Tensor, Tensor]]:
    """Makes ids and mask of all the texts for a backbone."""

    def make(backbone: Backbone) -> tuple[Tensor, Tensor]:
        encoded = encode(TEXTS, backbone.tokenizer, 48)
        ids, mask = encoded.batch(np.arange(len(TEXTS)), pad_id=backbone.pad_id)
        return torch.from_numpy(ids), torch.from_numpy(mask)

    return make


@pytest.fixture(scope="session")
def save_folder() -> Callable[[Path, str], Any]:
    """Writes a small random network of a Transformers architecture to a folder and gives it back for comparison."""

    def save(folder: Path, kind: str, **changes: Any) -> Any:
        from transformers import AutoConfig, AutoModel

        tokenizer = train_tokenizer(TEXTS * 2)
        size = tokenizer.get_vocab_size()
        sizes: dict[str, Any] = {"vocab_size": size, "max_position_embeddings": 66, "pad_token_id": 0}
        if kind == "distilbert":
            sizes |= {"dim": 32, "n_layers": 3, "n_heads": 4, "hidden_dim": 64}
        else:
            sizes |= {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 64}
        if kind == "electra":
            sizes |= {"embedding_size": 16}
        torch.manual_seed(3)
        network = AutoModel.from_config(AutoConfig.for_model(kind, **{**sizes, **changes})).eval()
        network.save_pretrained(folder)
        tokenizer.save(str(folder / "tokenizer.json"))
        return network

    return save


@pytest.fixture
def bert_folder(tmp_path: Path, save_folder: Callable[..., Any]) -> Path:
    save_folder(tmp_path / "tiny-bert", "bert")
    return tmp_path / "tiny-bert"
