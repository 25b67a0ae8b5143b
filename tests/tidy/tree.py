"""
What the house consists of: its files, and how they are read.
"""

from __future__ import annotations

import ast
import io
import tokenize

from pathlib import Path
from typing import TypeAlias


ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "meterbook"

SOURCE = sorted(PACKAGE.rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
DEMO = sorted((ROOT / "demo").rglob("*.py"))
EXAMPLES = sorted((ROOT / "examples").rglob("*.py"))
PYTHON = [*SOURCE, *TESTS, *DEMO, *EXAMPLES]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]

# Statements by name; the migrations and the schema are whole files, run as they are.
QUERIES = sorted((PACKAGE / "stores" / "sql").glob("*/*.sql"))
QUERIES = [path for path in QUERIES if path.name != "schema.sql"]

# The floors below the line: no input or output, no clock, no chance.
PURE = [
    path
    for path in SOURCE
    if path.relative_to(PACKAGE).parts[0]
    in {"catalog", "foundation", "licensing", "metering", "proof"}
]

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


def name(path: Path) -> str:
    """
    Return how a file is called in this project, wherever the project is.
    """
    return str(path.relative_to(ROOT))


def texts() -> list[Path]:
    """
    Return the files that are ours to write, whatever they are written in.
    """
    suffixes = {".csv", ".json", ".md", ".py", ".sql", ".toml", ".txt", ".yml"}
    names = {".gitignore", "LICENSE", "Makefile", "run"}
    parts = ("src", "tests", "docs", "demo", "examples", ".ci")
    folders = [ROOT / part for part in parts]
    inside = [path for folder in folders for path in folder.rglob("*")]
    ours = [path for path in [*ROOT.iterdir(), *inside] if path.is_file()]
    return sorted(p for p in ours if p.suffix in suffixes or p.name in names)


def functions(path: Path) -> list[Function]:
    """
    Return every function of a file, methods and inner ones included.
    """
    return [
        node
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def length(function: Function) -> int:
    """
    Count the lines of a function without its docstring, which may be long.
    """
    assert function.end_lineno is not None
    lines = function.end_lineno - function.lineno + 1
    if not ast.get_docstring(function):
        return lines

    docstring = function.body[0]
    assert docstring.end_lineno is not None
    return lines - (docstring.end_lineno - docstring.lineno + 1)


def comments(path: Path) -> list[str]:
    """
    Return the comments of a Python file, each from its first `#`.
    """
    text = path.read_text(encoding="utf-8")
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return [token.string for token in tokens if token.type == tokenize.COMMENT]
