"""The house rules that a machine can check: floors, sizes, names, and what is never written."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

import homefield

SOURCE = Path(homefield.__file__).parent
REPOSITORY = SOURCE.parent.parent
MODULES = sorted(SOURCE.rglob("*.py"))
TREES = {file: ast.parse(file.read_text(encoding="utf-8")) for file in MODULES}
NAMES_FORBIDDEN = {"utils", "util", "helpers", "helper", "common", "misc", "shared", "base", "core", "lib", "tools"}
LONGEST_MODULE, LONGEST_FUNCTION = 400, 60

in_every_module = pytest.mark.parametrize("file", MODULES, ids=lambda file: str(file.relative_to(SOURCE)))


def test_a_floor_imports_only_floors_below_it() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@in_every_module
def test_a_module_has_a_size_one_can_read(file: Path) -> None:
    lines = len(file.read_text(encoding="utf-8").splitlines())
    assert lines < LONGEST_MODULE, f"{lines} lines"
    for node in ast.walk(TREES[file]):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length < LONGEST_FUNCTION, f"{node.name}: {length} lines"


@in_every_module
def test_a_module_is_named_for_what_it_is(file: Path) -> None:
    assert file.stem not in NAMES_FORBIDDEN
    assert file.parent.name not in NAMES_FORBIDDEN


@in_every_module
def test_a_module_opens_by_saying_what_it_is_for(file: Path) -> None:
    assert ast.get_docstring(TREES[file])


@in_every_module
def test_nothing_is_pickled_and_nothing_swallowed(file: Path) -> None:
    for node in ast.walk(TREES[file]):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [alias.name for alias in node.names]
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert name.split(".")[0] not in {
                    "pickle",
                    "cPickle",
                    "dill",
                    "cloudpickle",
                    "joblib",
                    "shelve",
                    "marshal",
                }
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            called = ast.unparse(node.func)
            assert called not in {"torch.load", "torch.save", "yaml.load", "os.system"}, called
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"eval", "exec"}, node.func.id
        if isinstance(node, ast.ExceptHandler):
            caught = [] if node.type is None else [ast.unparse(each) for each in ast.walk(node.type)]
            assert node.type is not None, f"line {node.lineno}: a bare except"
            again = isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None
            assert again or not {"Exception", "BaseException"} & set(caught), f"line {node.lineno}: a broad except"


@in_every_module
def test_nothing_is_left_for_later(file: Path) -> None:
    with file.open("rb") as stream:
        for token in tokenize.tokenize(stream.readline):
            if token.type == tokenize.COMMENT:
                assert not re.search(r"\b(TODO|FIXME|XXX|HACK)\b", token.string), token.string
    for node in ast.walk(TREES[file]):
        if isinstance(node, ast.Raise) and node.exc is not None:
            bare = ast.unparse(node.exc) in {"NotImplementedError", "NotImplementedError()"}
            assert not bare, f"line {node.lineno}"


def test_public_names_are_sorted() -> None:
    for file in MODULES:
        for node in TREES[file].body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                names = ast.literal_eval(node.value)
                assert len(names) == len(set(names)), file
