"""Sentences and their translations: a file of records whose first two columns are the two languages."""

from __future__ import annotations

from pathlib import Path

from homefield.data.clean import clean_text
from homefield.data.read import open_source
from homefield.errors import RecordsError

__all__ = ["read_translations"]


def read_translations(file: Path) -> list[tuple[str, str]]:
    """The rows of `file` as (sentence, translation), cleaned as any text is, each pair once, none with an empty side.

    Raises:
        RecordsError: as `open_source`; `pretrain.no_pairs`, for a file without two columns or without a full row.
    """
    source = open_source(file)
    found: dict[tuple[str, str], None] = {}
    if len(source.columns) > 1:
        for block in source.blocks(list(source.columns[:2])):
            for one, other in block.frame.drop_nulls().iter_rows():
                if (sentence := clean_text(one)) and (translation := clean_text(other)):
                    found[sentence, translation] = None
    if not found:
        raise RecordsError("pretrain.no_pairs", file=file, columns=", ".join(source.columns))
    return list(found)
