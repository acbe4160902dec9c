"""Variants of texts with the noise of real typing, in Chinese and English: what a model should not be put off by.

Each variant depends on the text, its number and the seed alone, so that any part of a data set, in any order, on any
machine gets the same ones. Tokens of masked data (`[PHONE]`, `[手机号]`) stay whole and negations stay: without its
"not" a text says the opposite.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence

from homefield.data.typing_errors import HOMOPHONES, NEIGHBOURS

__all__ = ["NOISE", "augment", "parse_noise"]

# A word, a masked token, one or two Chinese characters, a run of anything else.
_UNITS = re.compile(
    r"\[[A-Z]+\]|\[[\u4e00-\u9fff]+\]|[A-Za-z0-9']+|[\u4e00-\u9fff]{1,2}|\s+|[^\sA-Za-z0-9'\u4e00-\u9fff]"
)
_WORD = re.compile(r"[A-Za-z0-9'\u4e00-\u9fff]")
_HAN = re.compile(r"[\u4e00-\u9fff]")
_NEGATION = re.compile(
    r"(?i)^(?:no|not|never|none|nobody|nothing|neither|nor|without|.*n't|cannot)$|[不没无别非未勿莫否]"
)
_USUAL = {"characters": 0.03, "keyboard": 0.03, "words": 0.1, "swaps": 0.05, "deletions": 0.1}

NOISE: tuple[str, ...] = tuple(_USUAL)


def augment(
    texts: Sequence[str], *, shares: Mapping[str, float] | None = None, variants: int = 1, seed: int = 0
) -> list[list[str]]:
    """`variants` noisy versions of every text; a very short text may come back as it is, none comes back empty.

    shares: kind of noise -> share of what it touches, a usual share for each kind when None:

    - `characters`: characters doubled, dropped, exchanged with the next;
    - `keyboard`: Latin letters hit one key beside (QWERTY), Chinese characters written as another of the same sound;
    - `words`: words replaced by another word of the same text, or said twice;
    - `swaps`: words exchanged with the next;
    - `deletions`: words left out.

    A Chinese word here is a run of at most two characters.

    Raises:
        ValueError: an unknown kind or a share outside 0 … 1, a defect of the caller (see `parse_noise`).
    """
    chosen = dict(_USUAL if shares is None else shares)
    for kind, share in chosen.items():
        if kind not in _METHODS or not 0 <= share <= 1:
            raise ValueError(f"noise {kind!r} with share {share!r}: expected one of {', '.join(NOISE)} and 0 to 1")
    return [
        [_variant(text, chosen, random.Random(f"{seed}\n{number}\n{text}")) for number in range(variants)]
        for text in texts
    ]


def parse_noise(written: str) -> dict[str, float]:
    """`deletions:0.1+keyboard` as shares; a kind without a number gets its usual share, `usual` stands for all kinds.

    Raises:
        ValueError: what is wrong, naming the kinds there are.
    """
    shares: dict[str, float] = {}
    if written.strip() in ("", "none"):
        return shares
    if written.strip() == "usual":
        return dict(_USUAL)
    for part in written.split("+"):
        kind, given, amount = part.strip().partition(":")
        if kind not in _USUAL:
            raise ValueError(f"{kind!r}: expected {', '.join(NOISE)}")
        share = float(amount) if given else _USUAL[kind]
        if not 0 <= share <= 1:
            raise ValueError(f"{part.strip()!r}: expected a share from 0 to 1")
        shares[kind] = share
    return shares


def _variant(text: str, shares: Mapping[str, float], rng: random.Random) -> str:
    units = _UNITS.findall(text)
    for kind in NOISE:  # a fixed order, whatever the order of the mapping
        if shares.get(kind, 0) > 0:
            units = _METHODS[kind](units, shares[kind], rng)
    changed = " ".join("".join(units).split())
    return changed or text


def _is_free(unit: str) -> bool:
    """Whether a unit is a word that may be changed."""
    return _WORD.match(unit) is not None and _NEGATION.search(unit) is None


def _words(units: list[str], share: float, rng: random.Random) -> list[str]:
    free = [unit for unit in units if _is_free(unit)]
    result = []
    for unit in units:
        if _is_free(unit) and rng.random() < share:
            if rng.random() < 0.5:
                result.append(rng.choice(free))
            else:
                result += [unit, unit] if _HAN.match(unit) else [unit, " ", unit]
        else:
            result.append(unit)
    return result


def _swaps(units: list[str], share: float, rng: random.Random) -> list[str]:
    result = list(units)
    places = [place for place, unit in enumerate(units) if _WORD.match(unit)]
    at = 0
    while at + 1 < len(places):
        left, right = places[at], places[at + 1]
        if rng.random() < share and right - left <= 2:
            result[left], result[right] = result[right], result[left]
            at += 1
        at += 1
    return result


def _deletions(units: list[str], share: float, rng: random.Random) -> list[str]:
    words = sum(_WORD.match(unit) is not None for unit in units)
    result = []
    for unit in units:
        if words > 2 and _is_free(unit) and rng.random() < share:
            words -= 1
        else:
            result.append(unit)
    return result


def _characters(units: list[str], share: float, rng: random.Random) -> list[str]:
    return [_mistyped(unit, share, rng) if _is_free(unit) else unit for unit in units]


def _mistyped(unit: str, share: float, rng: random.Random) -> str:
    result: list[str] = []
    characters = list(unit)
    at = 0
    while at < len(characters):
        character = characters[at]
        if rng.random() >= share:
            result.append(character)
        elif (slip := rng.randrange(3)) == 0:
            result += [character, character]
        elif slip == 1 and at + 1 < len(characters):
            result += [characters[at + 1], character]
            at += 1
        elif slip == 1 or len(characters) == 1:
            result.append(character)
        at += 1
    return "".join(result)


def _keyboard(units: list[str], share: float, rng: random.Random) -> list[str]:
    return ["".join(_beside(character, share, rng) for character in unit) if _is_free(unit) else unit for unit in units]


def _beside(character: str, share: float, rng: random.Random) -> str:
    if rng.random() >= share:
        return character
    if same_sound := HOMOPHONES.get(character):
        return rng.choice(same_sound)
    near = NEIGHBOURS.get(character.lower())
    if near is None:
        return character
    return rng.choice(near).upper() if character.isupper() else rng.choice(near)


_METHODS: dict[str, Callable[[list[str], float, random.Random], list[str]]] = {
    "characters": _characters,
    "keyboard": _keyboard,
    "words": _words,
    "swaps": _swaps,
    "deletions": _deletions,
}
