"""The script and the notebook among the examples run to their end and give what they show."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
GUIDE = EXAMPLES.parent / "docs" / "en"


def documented(folder: str) -> set[str]:
    """The names of files and folders that the guide lists under `folder/`."""
    pages = "\n".join(page.read_text(encoding="utf-8") for page in GUIDE.glob("*.md"))
    listed = re.search(rf"^```\n{folder}/\n(.*?)^```$", pages, re.DOTALL | re.MULTILINE)
    assert listed is not None
    lines = [line.strip() for line in listed[1].splitlines() if not line.strip().startswith("*")]
    words = [word for line in lines for word in re.split(r"\s{3,}", line)[0].split()]
    words += [word for line in lines for word in line.split() if re.fullmatch(r"[a-z]+\.(html|json|safetensors)", word)]
    return {word.partition("/")[0] for word in words}


def test_every_example_is_run_by_a_test() -> None:
    # What is new here needs a test of its own; recipes are found by `test_recipes.py`.
    assert {path.name for path in EXAMPLES.iterdir()} == {"first_model.py", "first_model.ipynb", "recipes", "records"}


def test_the_script_ends_in_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOMEFIELD_WORKSPACE", str(tmp_path / "workspace"))
    spec = importlib.util.spec_from_file_location("first_model", EXAMPLES / "first_model.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    module.main(tmp_path / "out", backbone="cnn-text", epochs=2, estimate=False)

    said = capsys.readouterr().out
    assert "rows: " in said
    assert all(question in said for question in module.QUESTIONS)
    assert "like row" in said
    for folder in ("data", "run", "model"):
        names = {file.name for file in (tmp_path / "out" / folder).iterdir()}
        assert documented(folder) - {"checkpoints"} <= names, "the guide names files that are not there"


# Jupyter's own modules warn on import in ways that are not ours to mend.
@pytest.mark.filterwarnings("ignore")
def test_the_notebook_runs_from_the_first_cell_to_the_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbformat = pytest.importorskip("nbformat", reason="the notebook needs the development packages")
    nbclient = pytest.importorskip("nbclient", reason="the notebook needs the development packages")
    monkeypatch.setenv("HOMEFIELD_WORKSPACE", str(tmp_path / "workspace"))
    monkeypatch.setenv("HOMEFIELD_EXAMPLE_TRAIN", "head")
    monkeypatch.setenv("HOMEFIELD_EXAMPLE_EPOCHS", "1")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    notebook = nbformat.read(EXAMPLES / "first_model.ipynb", as_version=4)

    nbclient.NotebookClient(notebook, timeout=240, kernel_name="python3").execute()

    last = "".join(output.get("text", "") for output in notebook.cells[-1].outputs)
    assert "Will it rain in Lisbon tomorrow?" in last
    assert all(cell.execution_count for cell in notebook.cells if cell.cell_type == "code")


def test_the_notebook_is_kept_without_outputs() -> None:
    nbformat = pytest.importorskip("nbformat", reason="the notebook needs the development packages")
    notebook = nbformat.read(EXAMPLES / "first_model.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)
