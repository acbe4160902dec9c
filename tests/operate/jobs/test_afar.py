"""What jobs tell from afar holds no place of this machine, and is otherwise what it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homefield.operate.jobs import from_afar
from homefield.workspace import Workspace

PLACE = Workspace(Path("/srv/home field/工作区"))
PARTS = st.text(alphabet="ab1._-字", min_size=1, max_size=6).filter(lambda part: part.strip("."))
PLAIN: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet="ab1 .:,字", max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet="ab", max_size=3), inner, max_size=3),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("told", "seen"),
    [
        (str(PLACE.datasets / "shop"), "shop"),
        (str(PLACE.runs / "first" / "backbone"), "first/backbone"),
        (str(PLACE.root / "backups" / "nightly" / "backup-1.tar"), "backups/nightly/backup-1.tar"),
        ("/home/li/rows.csv", "rows.csv"),
        ("~/rows.csv", "rows.csv"),
        ("There is already something at /mnt/data/shop.", "There is already something at shop."),
        ("“/mnt/数据/店.csv”：第 3 行没有文本。", "“店.csv”：第 3 行没有文本。"),
        ("3 / 4, and/or 1/2", "3 / 4, and/or 1/2"),
        ("see https://example.com/a/b", "see https://example.com/a/b"),
        ("label/a", "label/a"),
    ],
)
def test_places_become_names_and_all_else_stays(told: str, seen: str) -> None:
    assert from_afar(told, PLACE) == seen


@given(PLAIN)
def test_what_holds_no_path_is_untouched(value: Any) -> None:
    assert from_afar(value, PLACE) == value


@given(st.lists(PARTS, min_size=2, max_size=5), st.sampled_from(["{}", "at {}: none", "没有 {}。", "a={} b"]))
def test_no_folder_of_an_absolute_path_is_seen(parts: list[str], sentence: str) -> None:
    path = "/" + "/".join(parts)
    seen = json.dumps(from_afar({"told": [sentence.format(path)]}, PLACE), ensure_ascii=False)
    assert "/" not in seen
    assert parts[-1] in seen
