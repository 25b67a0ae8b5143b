"""
The house style, as far as a machine can read it and a linter does not.

Each check says what to do instead.

Source:
    The idea is TigerBeetle's ``tidy``: what a style guide asks for, a test asks for.
"""

from __future__ import annotations

import ast
import re
import tomllib

from typing import TYPE_CHECKING

import pytest

from tidy.tree import (
    PURE,
    PYTHON,
    QUERIES,
    ROOT,
    SOURCE,
    TESTS,
    comments,
    functions,
    length,
    name,
    texts,
)


if TYPE_CHECKING:
    from pathlib import Path


FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 50

# The world, by the names it is usually called in with. An argument brings each.
WORLD = {
    "float": "use int in the smallest unit, Decimal or Fraction",
    "now": "take the moment as an argument",
    "open": "take the bytes as an argument",
    "print": "return it",
    "today": "take the date as an argument",
    "utcnow": "take the moment as an argument",
    "uuid4": "take the id as an argument",
}

# Names that say nothing of what is inside.
VAGUE_MODULES = {
    "common": "name what its parts have in common",
    "helpers": "put each helper below what it helps",
    "manager": "name what it does",
    "misc": "give each thing the file of its idea",
    "utils": "give each thing the file of its idea",
}
VAGUE_FUNCTIONS = {
    "get_": "name the answer: period_at, not get_period",
    "handle_": "name the act: record, not handle_event",
    "process_": "name the act: fold, not process_samples",
}

# A path of one machine's disk is of no use on another.
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work|root|home|Users)/\w")
TODO_WITHOUT_ISSUE = re.compile(r"\b(?:TODO|FIXME|XXX)\b(?!\(#\d+\))")
NOQA_WITHOUT_REASON = re.compile(r"# noqa(?!: [A-Z]+\d+(?:, [A-Z]+\d+)* - \w)")
IGNORE_WITHOUT_REASON = re.compile(r"# type: ignore(?!\[[a-z, -]+\]  # \S)")


@pytest.mark.parametrize("path", PYTHON, ids=name)
def test_a_file_fits_in_the_head(path: Path) -> None:
    """
    A file that is too long holds two ideas: split it where they part.
    """
    assert len(path.read_text(encoding="utf-8").splitlines()) <= FILE_LINES_MAX


@pytest.mark.parametrize("path", PYTHON, ids=name)
def test_a_function_fits_on_a_screen(path: Path) -> None:
    """
    A function that is too long hides its control flow: name the straight parts.
    """
    long = [f.name for f in functions(path) if length(f) > FUNCTION_LINES_MAX]

    assert long == []


@pytest.mark.parametrize("path", PURE, ids=name)
def test_the_pure_floors_do_not_call_the_world(path: Path) -> None:
    """
    Time, chance and files come in as arguments.
    """
    used = {
        node.attr if isinstance(node, ast.Attribute) else node.id
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute | ast.Name)
    }

    assert {word: WORLD[word] for word in used & WORLD.keys()} == {}


@pytest.mark.parametrize("path", TESTS, ids=name)
def test_a_test_says_what_is_true(path: Path) -> None:
    """
    A test's docstring is the sentence that it proves.
    """
    silent = [
        f.name
        for f in functions(path)
        if f.name.startswith("test_") and not ast.get_docstring(f)
    ]

    assert silent == []


@pytest.mark.parametrize("path", PYTHON, ids=name)
def test_a_name_says_what_is_inside(path: Path) -> None:
    """
    A module is named by its idea, and a function by its answer or its act.
    """
    module = {path.stem: VAGUE_MODULES[path.stem]} if path.stem in VAGUE_MODULES else {}
    vague = {
        f.name: advice
        for f in functions(path)
        for prefix, advice in VAGUE_FUNCTIONS.items()
        if f.name.lstrip("_").startswith(prefix)
    }

    assert module | vague == {}


@pytest.mark.parametrize("path", PYTHON, ids=name)
def test_a_todo_names_its_issue(path: Path) -> None:
    """
    A note to later is kept where later is looked up: TODO(#12).
    """
    assert [c for c in comments(path) if TODO_WITHOUT_ISSUE.search(c)] == []


@pytest.mark.parametrize("path", PYTHON, ids=name)
def test_an_exception_to_a_rule_has_a_reason(path: Path) -> None:
    """
    A silenced check says why, as in `# noqa: X001 - why`, `# type: ignore[x]  # why`.
    """
    bare = [
        comment
        for comment in comments(path)
        if NOQA_WITHOUT_REASON.match(comment) or IGNORE_WITHOUT_REASON.match(comment)
    ]

    assert bare == []


@pytest.mark.parametrize("path", texts(), ids=name)
def test_a_file_knows_no_machine(path: Path) -> None:
    """
    Nothing here depends on where one machine keeps its files.
    """
    assert MACHINE_PATH.findall(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", QUERIES, ids=name)
def test_a_statement_has_a_name_and_a_purpose(path: Path) -> None:
    """
    A statement stands alone under `-- name: What it answers.`, or creates tables.
    """
    text = path.read_text(encoding="utf-8")
    head, *sections = re.split(r"^-- [a-z0-9_]+: [A-Z].+$", text, flags=re.MULTILINE)
    bodies = [_without_words(body).strip() for body in sections]

    assert _without_words(head).strip() == ""
    assert [body for body in bodies if not body.endswith(";")] == []
    assert [body for body in bodies if ";" in body[:-1] and not _creates(body)] == []


@pytest.mark.parametrize("path", QUERIES, ids=name)
def test_a_statement_is_asked_for(path: Path) -> None:
    """
    A statement that no Python asks for by name is taken out.
    """
    python = "\n".join(source.read_text(encoding="utf-8") for source in SOURCE)
    names = re.findall(
        r"^-- ([a-z0-9_]+): ", path.read_text(encoding="utf-8"), re.MULTILINE
    )

    assert [word for word in names if f'"{word}"' not in python] == []


def test_the_changelog_knows_the_version() -> None:
    """
    The version that is being built has its section in the changelog.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")

    assert f"\n## {project['project']['version']} " in changelog


def test_a_make_target_says_what_it_is_for() -> None:
    """
    Bare `make` lists every target, so every target has its comment.
    """
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    assert phony is not None
    spoken = set(re.findall(r"^([a-z-]+):[^#\n]*## \S", makefile, re.MULTILINE))

    assert set(phony[1].split()) == spoken


def _creates(sql: str) -> bool:
    """
    Tell whether each statement creates something: a session's tables go together.
    """
    return all(part.split()[0] == "CREATE" for part in sql.split(";") if part.strip())


def _without_words(sql: str) -> str:
    """
    Return SQL without its comments and its quoted text, in which a `;` ends nothing.
    """
    return re.sub(r"--[^\n]*|'[^']*'", "", sql)
