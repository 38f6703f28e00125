"""Sizes a reader can hold: a file of 300 lines, a function of 60, five positional parameters."""

import ast
import sys
from collections.abc import Iterator
from typing import Final

from tools.tree import ROOT, python_files

FILE_LINES: Final = 300
FUNCTION_LINES: Final = 60
POSITIONAL: Final = 5

EXEMPT: Final = ("backend/core/prompts/", "migrations/versions/", "sandbox/data/", "sandbox/texts/")
"""Folders of prompt texts, generated migrations and sample data: longer because their content is."""


def check(path: str, source: str) -> Iterator[str]:
    """What is too large in one file, as lines for people."""
    lines = source.count("\n") + 1
    if lines > FILE_LINES + 1:
        yield f"{path}: {lines - 1} lines, more than {FILE_LINES}: find the seam"
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _check_function(path, node)


def _check_function(path: str, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    length = (node.end_lineno or node.lineno) - node.lineno + 1
    if length > FUNCTION_LINES:
        yield f"{path}:{node.lineno}: {node.name} has {length} lines, more than {FUNCTION_LINES}"
    names = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
    positional = len(names) - (bool(names) and names[0] in {"self", "cls"})
    # A test takes its fixtures by position, because pytest fills them by name.
    if positional > POSITIONAL and not path.startswith("tests/"):
        yield f"{path}:{node.lineno}: {node.name} has {positional} positional parameters, more than {POSITIONAL}; name the rest"


def main() -> int:
    """Check every file; 1 if something is too large."""
    found = [
        finding
        for path in python_files()
        if not path.startswith(EXEMPT)
        for finding in check(path, (ROOT / path).read_text(encoding="utf-8"))
    ]
    for finding in found:
        print(finding)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
