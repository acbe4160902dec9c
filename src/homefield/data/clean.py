"""The one cleaning of a text, used when preparing, predicting and serving alike.

`clean_text` is the definition. `clean_frame` asks Polars which texts could change at all and runs the definition on
those only, so both give the same result on every text and the common case stays vectorised.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections import Counter
from collections.abc import Collection

import polars as pl

from homefield.data.mask import KINDS, MAYBE_PERSONAL, mask_text

__all__ = ["clean_column", "clean_frame", "clean_text"]

# NFKC "where safe": what it folds without changing what is said. Full-width punctuation stays, it is right in Chinese;
# so do circled digits, fractions, powers and units, whose folding changes the meaning (m² -> m2, ½ -> 1⁄2).
_FOLD = {0x3000: " ", 0xA0: " "}
_FOLD |= {
    code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F) if chr(code) not in "！（），：；？［］｛｝＂＇｀｜～．"
}
_FOLD |= {code: unicodedata.normalize("NFKC", chr(code)) for code in (*range(0xFB00, 0xFB07), *range(0xFF61, 0xFFA0))}

# Controls, formatting characters that show nothing, lone surrogates, private use and noncharacters.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u061c\u180e\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ufffe\uffff\ue000-\uf8ff\ud800-\udfff]"
)
_SPACE = re.compile(r"\s+")

_INLINE = "a|abbr|b|big|code|del|em|font|i|ins|kbd|label|mark|s|small|span|strike|strong|sub|sup|tt|u"
_BLOCK = (
    "article|aside|blockquote|body|br|button|center|caption|col|dd|div|dl|dt|embed|fieldset|figcaption|figure|footer|"
    "form|h[1-6]|head|header|hr|html|iframe|img|input|legend|li|link|main|meta|nav|noscript|o:p|object|ol|option|p|"
    "param|picture|pre|script|section|select|source|style|svg|table|tbody|td|textarea|tfoot|th|thead|title|tr|ul|"
    "video|wbr"
)
_HIDDEN_TAG = re.compile(r"<(script|style)\b[^<>]{0,999}>", re.I)
_HIDDEN_END = {"script": re.compile(r"</script\s*>", re.I), "style": re.compile(r"</style\s*>", re.I)}
_CDATA = re.compile(r"<!\[CDATA\[|\]\]>", re.I)
_INLINE_TAG = re.compile(rf"</?(?:{_INLINE})(?:\s[^<>]{{0,9999}})?/?>", re.I)
_BLOCK_TAG = re.compile(rf"</?(?:{_BLOCK})(?:\s[^<>]{{0,9999}})?/?>|<!doctype[^<>]{{0,999}}>", re.I)
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")

# What makes a text worth a closer look; everything outside the plain characters does, and so do runs of spaces.
# Checked against `clean_text` by a property test.
_MAYBE_CHANGES = (
    r"[^\x20-\x25\x27-\x3B\x3D-\x3F\x41-\x7E\x{4E00}-\x{9FFF}，。、！？：；（）“”‘’《》【】…—～·￥]|  |^ | $|"
    + MAYBE_PERSONAL
)


def clean_text(text: str, *, mask: Collection[str] = KINDS) -> str:
    """`text` cleaned and with personal data masked, as `prepare` does it; doing it twice changes nothing."""
    return _clean(text, mask)[0]


def clean_frame(frame: pl.DataFrame, *, mask: Collection[str] = KINDS) -> pl.DataFrame:
    """`frame` with its text columns (`text`, and `other` where there is one) cleaned; nulls become empty."""
    names = [name for name in ("text", "other") if name in frame.columns]
    return frame.with_columns(clean_column(frame[name], mask=mask)[0] for name in names)


def clean_column(texts: pl.Series, *, mask: Collection[str] = KINDS) -> tuple[pl.Series, Counter[str]]:
    """Clean a whole column.

    Returns the cleaned texts and how many pieces of personal data of each kind were masked.
    """
    texts = texts.cast(pl.String).fill_null("")
    masked: Counter[str] = Counter()
    places = texts.str.contains(_MAYBE_CHANGES).arg_true()
    if len(places) == 0:
        return texts, masked
    cleaned = []
    for text in texts.gather(places).to_list():
        clean, kinds = _clean(text, mask)
        cleaned.append(clean)
        masked.update(kinds)
    return texts.scatter(places, pl.Series(cleaned, dtype=pl.String)), masked


def _clean(text: str, mask: Collection[str]) -> tuple[str, tuple[str, ...]]:
    if not text.isascii():
        text = _visible(text)
    elif not text.isprintable():
        text = _INVISIBLE.sub("", text)
    if "<" in text or "&" in text or "]]>" in text:
        text = _without_html(text)
    text = _SPACE.sub(" ", text).strip()
    return mask_text(text, mask)


def _visible(text: str) -> str:
    return unicodedata.normalize("NFC", _INVISIBLE.sub("", text).translate(_FOLD))


def _without_html(text: str) -> str:
    """Tags and entities removed until none is left, since texts copied from web pages are often escaped twice."""
    for _ in range(20):
        before = text
        text = _CDATA.sub(" ", _without_hidden(text))
        text = _INLINE_TAG.sub("", text)
        text = _BLOCK_TAG.sub(" ", text)
        if _ENTITY.search(text):
            text = _visible(_ENTITY.sub(lambda match: html.unescape(match.group()), text))
        if text == before:
            break
    return text


def _without_hidden(text: str) -> str:
    """Comments, scripts and styles removed, in time linear in the text whatever stands in it."""
    parts: list[str] = []
    at = 0
    while (start := text.find("<!--", at)) >= 0 and (end := text.find("-->", start + 4)) >= 0:
        parts += [text[at:start], " "]
        at = end + 3
    text, at = "".join([*parts, text[at:]]), 0
    parts.clear()
    endless: set[str] = set()
    for tag in _HIDDEN_TAG.finditer(text):
        name = tag.group(1).lower()
        if tag.start() < at or name in endless:
            continue
        if (last := _HIDDEN_END[name].search(text, tag.end())) is None:
            endless.add(name)
        else:
            parts += [text[at : tag.start()], " "]
            at = last.end()
    return "".join([*parts, text[at:]])
