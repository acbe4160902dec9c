"""The card of a pretrained backbone: what it learned from, how long, how well, and what it is not for.

In Chinese and in English in one file (after Mitchell et al. 2019, "Model Cards for Model Reporting").
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from homefield.messages import LANGUAGES, Language, text
from homefield.train.pretrain.recipe import PretrainRecipe

__all__ = ["card_of"]


def card_of(recipe: PretrainRecipe, record: Mapping[str, Any]) -> str:
    """README.md of a backbone that was trained as `recipe` says; `record` is run.json."""
    head = ["---"]
    if recipe.languages:
        head += ["language:", *(f"- {each}" for each in recipe.languages)]
    if recipe.licence:
        head.append(f"license: {_plain(recipe.licence)}")
    head += ["library_name: homefield", "---", ""]
    parts = "\n\n---\n\n".join(_part(recipe, record, language) for language in LANGUAGES)
    keys = "\n".join(f"{key} = {value!r}" for key, value in recipe.model_dump().items() if key not in _ELSEWHERE)
    return "\n".join(head) + parts + f"\n\n```\n{keys}\n```\n"


_ELSEWHERE = {"corpus", "probes", "credits", "licence", "languages", "name"}


def _part(recipe: PretrainRecipe, record: Mapping[str, Any], language: Language) -> str:
    def say(key: str, **values: object) -> str:
        return text(f"pretrain.card.{key}", language, **values)

    corpus, reached = record["corpus"], record["reached"]
    found = record["environment"]
    device = _plain(str(found["probe"]["name"]))
    lines = [
        f"# {_plain(recipe.name)}",
        say("what", parameters=f"{record['parameters'] / 1e6:.1f}", layers=recipe.layers, width=recipe.width),
        f"## {say('data')}",
        say("corpus", characters=f"{corpus['characters']:,}", tokens=f"{corpus['tokens']:,}", hash=corpus["hash"]),
        _plain(recipe.credits),
        f"## {say('training')}",
        say(
            "budget",
            steps=f"{record['steps']:,}",
            tokens=f"{record['tokens']:,}",
            passes=f"{record['tokens'] / corpus['tokens']:.2f}",
            minutes=f"{record.get('seconds', {}).get('train', 0) / 60:.0f}",
            device=device,
            precision=found["precision"],
            version=found["homefield"],
        ),
        f"## {say('quality')}",
        *(
            say("perplexity", perplexity=f"{found:.2f}", held_out=f"{corpus['held_out']:,}")
            for name, found in reached.items()
            if name == "perplexity"
        ),
        *(
            say("perplexity_long", perplexity=f"{found:.2f}", length=recipe.long_length)
            for name, found in reached.items()
            if name == "perplexity_long"
        ),
        *(
            say("pairs", teacher=_plain(recipe.teacher), found=f"{found:.1%}", back=f"{reached['pair_found_back']:.1%}")
            for name, found in reached.items()
            if name == "pair_found"
        ),
        *(
            say("probe", name=_plain(name.removeprefix("probe_")), value=f"{value:.1%}")
            for name, value in reached.items()
            if name.startswith("probe_")
        ),
        f"## {say('limits')}",
        say("limited", length=record["max_length"]),
    ]
    return "\n\n".join(line for line in lines if line)


def _plain(value: str) -> str:
    """One line with nothing that Markdown would read as markup."""
    return "".join(f"\\{c}" if c in "\\`*_{}[]<>#|~" else c for c in " ".join(value.split()))
