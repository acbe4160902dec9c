"""What benchmarks there are: the first line of each file, and how to run one."""

from __future__ import annotations

import ast
from pathlib import Path


def main() -> None:
    folder = Path(__file__).parent
    print("make bench RUN=NAME [ARGS='--seeds 0 1 2 --json FILE']\n")
    for file in sorted(folder.glob("*.py")):
        if file.name == Path(__file__).name:
            continue
        told = (ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").split("\n")[0]
        print(f"  {file.stem:20} {told}")


if __name__ == "__main__":
    main()
