"""Cells of tables for people."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import homefield
from homefield.cells import safe_cell

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


@given(st.one_of(st.text(), st.integers(), st.floats(), st.none()))
def test_no_cell_begins_a_formula(value: object) -> None:
    cell = safe_cell(value)
    assert not isinstance(cell, str) or not cell.startswith(FORMULA)


@given(st.text())
def test_a_text_loses_nothing(value: str) -> None:
    assert safe_cell(value) in (value, f"'{value}")


@pytest.mark.parametrize("value", ["=cmd|' /C calc'!A0", " =1+1", "\u3000=1+1", "\ufeff@SUM(1)", "＝1", "\u200b+1"])
def test_a_formula_is_found_behind_what_cannot_be_seen(value: str) -> None:
    assert safe_cell(value) == f"'{value}"


@pytest.mark.parametrize("value", ["退货怎么办？", "a=b", "", -5, -0.5, None])
def test_what_is_no_formula_stays(value: object) -> None:
    assert safe_cell(value) == value


def test_whatever_writes_a_table_for_people_uses_it() -> None:
    source = Path(homefield.__file__).parent
    for file in source.rglob("*.py"):
        code = file.read_text(encoding="utf-8")
        called = {ast.unparse(node.func) for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)}
        if called & {"csv.writer", "csv.DictWriter"}:
            assert "safe_cell" in called | {"safe_cell"} & set(code.split("(")), file
