"""The options several verbs share for saying which column has which role."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from homefield.cli.command import option
from homefield.cli.values import ColumnOf

__all__ = ["column_option"]


def column_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--column ROLE=COLUMN`, any number of times."""
    return option("--column", "columns", key="column", type=ColumnOf(), multiple=True, metavar="ROLE=COLUMN")(function)
