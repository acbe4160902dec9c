"""Write the reference parts of the guide from the program itself, so that they cannot say what is not so.

A page holds `<!-- reference: NAME -->` and `<!-- end -->`; what stands between is made here. `python docs/reference.py`
writes all pages; a test fails when a page is not what this would write.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path

from homefield import messages
from homefield.data.mask import KINDS, TOKENS
from homefield.data.reasons import REASONS
from homefield.messages import Language, catalogue
from homefield.train.pretrain.recipe import explain_pretrain
from homefield.train.recipe import explain

PAGES: dict[Language, Path] = {"en": Path(__file__).parent / "en", "zh": Path(__file__).parent / "zh-CN"}
_BLOCK = re.compile(r"(<!-- reference: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_HEADINGS: dict[Language, dict[str, list[str]]] = {
    "en": {
        "keys": ["Key", "Default", "Meaning", "Takes"],
        "errors": ["Code", "What it says", "What to do"],
        "reasons": ["`reason`", "Why"],
        "masks": ["Kind", "In English text", "In Chinese text"],
    },
    "zh": {
        "keys": ["键", "默认值", "含义", "可填"],
        "errors": ["代码", "提示", "怎么办"],
        "reasons": ["`reason`", "原因"],
        "masks": ["种类", "英文文本中", "中文文本中"],
    },
}


def page(content: str, language: Language) -> str:
    """`content` with every reference block written anew."""
    return _BLOCK.sub(lambda match: match[1] + "\n" + PARTS[match[2]](language) + "\n\n" + match[3], content)


def recipe_keys(language: Language) -> str:
    """Every key of a recipe."""
    return _keys(explain(language), language)


def pretrain_keys(language: Language) -> str:
    """Every key of a recipe for pre-training."""
    return _keys(explain_pretrain(language), language)


def errors(language: Language) -> str:
    """Every error code, by area."""
    parts = []
    for area in _areas(language):
        known = catalogue(language, area)
        codes = [key.removesuffix(".what") for key in known if key.endswith(".what")]
        codes = [code for code in codes if f"{code}.next" in known]
        rows = [[f"`{code}`", _cell(known[f"{code}.what"]), _cell(known[f"{code}.next"])] for code in sorted(codes)]
        if rows:
            parts.append(f"### `{area}`\n\n" + _table(_HEADINGS[language]["errors"], rows))
    return "\n\n".join(parts)


def reasons(language: Language) -> str:
    """Why a row can be rejected."""
    known = catalogue(language, "data")
    rows = [[f"`{reason}`", _cell(known[f"data.reason.{reason}"])] for reason in REASONS]
    return _table(_HEADINGS[language]["reasons"], rows)


def masks(language: Language) -> str:
    """What is masked, and by which word."""
    rows = [[f"`{kind}`", f"`{TOKENS[kind][1]}`", f"`{TOKENS[kind][0]}`"] for kind in KINDS]
    return _table(_HEADINGS[language]["masks"], rows)


PARTS: dict[str, Callable[[Language], str]] = {
    "recipe-keys": recipe_keys,
    "pretrain-keys": pretrain_keys,
    "errors": errors,
    "reasons": reasons,
    "masks": masks,
}


def main() -> None:
    """Write every page of the guide."""
    for language, folder in PAGES.items():
        for file in sorted(folder.glob("*.md")):
            before = file.read_text(encoding="utf-8")
            after = page(before, language)
            if after != before:
                file.write_text(after, encoding="utf-8")
                sys.stdout.write(f"{file}\n")


def _areas(language: Language) -> Iterator[str]:
    folder = resources.files(messages).joinpath(language)
    yield from sorted(file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml"))


def _keys(keys: list[tuple[str, str, str, str]], language: Language) -> str:
    rows = [[f"`{key}`", f"`{default}`", _cell(meaning), _cell(accepted)] for key, default, meaning, accepted in keys]
    return _table(_HEADINGS[language]["keys"], rows)


def _table(headings: list[str], rows: list[list[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(template: str) -> str:
    """A message template as text of a table's cell: placeholders in angle brackets, nothing that ends the cell."""
    shown = re.sub(r"(?<!\{)\{(\w+)[^{}]*\}(?!\})", r"‹\1›", template).replace("{{", "{").replace("}}", "}")
    return " ".join(shown.split()).replace("|", "\\|").replace("<", "&lt;").strip()


if __name__ == "__main__":
    main()
