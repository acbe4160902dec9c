"""The Python API: a small public face that costs nothing until used."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import homefield
from homefield import api


def test_names_are_sorted_and_there() -> None:
    assert homefield.__all__ == sorted(homefield.__all__)
    assert dir(homefield) == homefield.__all__
    for name in homefield.__all__:
        assert getattr(homefield, name) is not None


def test_every_function_is_exported() -> None:
    assert set(api.__all__) <= set(homefield.__all__)
    assert api.__all__ == sorted(api.__all__)


@pytest.mark.parametrize("name", api.__all__)
def test_every_function_says_what_it_raises(name: str) -> None:
    assert "Raises:" in (inspect.getdoc(getattr(api, name)) or "")


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        homefield.trian  # noqa: B018


def test_the_floor_of_the_same_name_does_not_hide_evaluate() -> None:
    script = (
        "import homefield, homefield.evaluate.metrics; from homefield.evaluate import metrics\n"
        "from homefield import evaluate\n"
        "same = homefield.evaluate is evaluate is homefield.api.evaluate\n"
        "print(callable(homefield.evaluate), same, metrics.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True", "homefield.evaluate.metrics"]


def test_importing_homefield_imports_nothing_heavy() -> None:
    heavy = ("torch", "polars", "numpy", "pydantic", "click")
    script = f"import sys, homefield; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_serving_floors_import_no_torch() -> None:
    script = (
        "import sys, homefield.bundle, homefield.serve, homefield.index, homefield.evaluate, homefield.data\n"
        "from homefield.serve import Predictor\n"
        "print([n for n in ('torch', 'transformers', 'peft', 'sklearn') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
