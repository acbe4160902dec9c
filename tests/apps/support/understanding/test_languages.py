"""Records in two languages: a network for each, and vectors that are apart."""

from __future__ import annotations

import numpy as np
import pytest

from homefield.apps.support.understanding.answering import ReleaseAnswerer
from homefield.apps.support.understanding.encoding import Encoder, network_for
from homefield.apps.support.understanding.splits import Taught, by_language

from .conftest import Shop

ENGLISH, CHINESE = "where is my order", "我的订单到哪里了"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (ENGLISH, "en"),
        (CHINESE, "zh"),
        (f"{ENGLISH} <a> {CHINESE}{CHINESE}", "en"),  # the question decides, not what was said before
        (f"LD2025? <c> {ENGLISH}", "en"),  # which says nothing here
        ("12345", "zh"),
        ("Где мой заказ", "zh"),
    ],
)
def test_a_text_is_read_by_the_network_of_its_question(text: str, language: str) -> None:
    assert network_for(text, ("zh", "en")) == language


def test_each_language_has_places_of_its_own(answerer: ReleaseAnswerer) -> None:
    (network,) = answerer.encoder.networks.values()
    both = Encoder({"zh": network, "en": network})
    texts = [ENGLISH, CHINESE, "send it back", "怎么退货"]
    vectors, alone = both.encode(texts), network.encode(texts)
    assert vectors.shape == (4, 2 * alone.shape[1])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    cosines = vectors @ vectors.T
    assert cosines[0, 1] == cosines[2, 3] == 0.0
    # In 8 bits a vector depends a little on what is encoded beside it.
    np.testing.assert_allclose(cosines[0, 2], alone[0] @ alone[2], atol=5e-3)
    np.testing.assert_allclose(cosines[1, 3], alone[1] @ alone[3], atol=5e-3)


def taught(english: int, chinese: int) -> Taught:
    questions = tuple(f"{ENGLISH} {n}" for n in range(english)) + tuple(f"{CHINESE}{n}" for n in range(chinese))
    count = english + chinese
    return Taught(questions, questions, (0,) * count, tuple(range(count)))


def test_two_languages_are_learned_apart_where_there_is_enough_of_both(shop: Shop) -> None:
    material = shop.built.material
    parts = by_language(material, taught(60, 100), {})
    assert {name: len(part.texts) for name, part in parts.items()} == {"zh": 100, "en": 60}
    assert list(parts) == ["zh", "en"]  # the first also reads what is in neither
    assert all(CHINESE in text for text in parts["zh"].texts)
    for rows, settings in ((taught(20, 100), {}), (taught(60, 900), {}), (taught(60, 100), {"backbone": "cnn-text"})):
        ((language, part),) = by_language(material, rows, settings).items()
        assert (language, part) == ("zh", rows)
