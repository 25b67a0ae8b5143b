"""
The pages say what is there: links lead somewhere, files exist, commands can be run.
"""

from __future__ import annotations

import functools
import re
import shlex
import tomllib

from typing import TYPE_CHECKING

import pytest
import typer

from typer.core import TyperCommand, TyperGroup

from meterbook.cli import whole
from meterbook.foundation import errors
from meterbook.metering.cloudevents import decode
from meterbook.metering.events import Event
from meterbook.metering.meters import meter_from
from tidy.tree import PAGES, ROOT, name


if TYPE_CHECKING:
    from pathlib import Path


DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
DECISION_LINES_MAX = 60
DECISION_PARTS = [
    "Context",
    "Decision",
    "Consequences",
    "Alternatives",
    "Enforced by",
]

RULES = ROOT / "docs" / "reference" / "rules.md"
RULES_OF_THE_BOOK = [
    *(f"1.{n}" for n in range(1, 10)),
    *(f"2.{n}" for n in range(1, 6)),
    *(f"3.{n}" for n in range(1, 7)),
    *(f"4.{n}" for n in range(1, 10)),
]

LINK = re.compile(r"\]\((?!https?:)(?P<target>[^)#]+)(?:#[^)]*)?\)")
OUR_FILE = re.compile(r"`(?P<path>(?:src|tests|docs|demo)/[\w./-]+)`")
CONSOLE = re.compile(r"^```console\n(?P<lines>.*?)^```$", re.MULTILINE | re.DOTALL)
TOML = re.compile(r"^```toml\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
JSON = re.compile(r"^```json\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
MAKE = re.compile(r"`make (?P<target>[a-z][a-z-]*)")


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_link_leads_somewhere(page: Path) -> None:
    """
    Every link inside the project leads to a file that exists.
    """
    targets = [m["target"] for m in LINK.finditer(page.read_text(encoding="utf-8"))]

    assert [t for t in targets if not (page.parent / t).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_file_that_is_named_exists(page: Path) -> None:
    """
    A page names no file of ours that is not there.
    """
    text = page.read_text(encoding="utf-8")
    paths = {match["path"] for match in OUR_FILE.finditer(text)}

    assert sorted(path for path in paths if not (ROOT / path).exists()) == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_make_target_that_is_named_exists(page: Path) -> None:
    """
    A page names no target that the Makefile does not have.
    """
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = {m["target"] for m in MAKE.finditer(page.read_text(encoding="utf-8"))}

    assert [t for t in named if f"\n{t}:" not in makefile] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_command_that_is_shown_can_be_run(page: Path) -> None:
    """
    Every command on a page exists, with every option that it is shown with.
    """
    faults = {command: _fault(command) for command in _commands(page)}

    assert {command: fault for command, fault in faults.items() if fault} == {}


def test_every_command_is_shown() -> None:
    """
    Every command that there is stands on some page, as one would type it.
    """
    shown = {" ".join(_words(c)[:3]) for page in PAGES for c in _commands(page)}
    pages = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    every = [f"meterbook {' '.join(path)}" for path in _every_command()]

    assert [c for c in every if c not in shown and f"`{c}" not in pages] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_catalog_that_is_shown_is_accepted(page: Path) -> None:
    """
    Every meter on a page has the definition that a book would take.
    """
    for block in TOML.finditer(page.read_text(encoding="utf-8")):
        table = tomllib.loads(block["text"])
        for key, definition in table.get("meters", {}).items():
            assert meter_from(key, definition).key == key


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_an_event_that_is_shown_is_an_event(page: Path) -> None:
    """
    Every JSON document on a page is an event that a book would take.
    """
    text = page.read_text(encoding="utf-8")
    lines = [
        line for block in JSON.finditer(text) for line in block["text"].split("\n")
    ]

    for line in filter(None, lines):
        assert isinstance(decode(line.encode()), Event), line


@pytest.mark.parametrize("page", DECISIONS, ids=name)
def test_a_decision_is_one_page(page: Path) -> None:
    """
    A decision has its five parts in order, and is short enough to be read.
    """
    text = page.read_text(encoding="utf-8")

    assert len(text.splitlines()) <= DECISION_LINES_MAX
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == DECISION_PARTS
    assert text.startswith(f"# {int(page.name[:4])}. ")


def test_decisions_are_numbered_and_listed() -> None:
    """
    Numbers have no gap, and the list of decisions names each.
    """
    listed = (ROOT / "docs" / "decisions" / "README.md").read_text(encoding="utf-8")

    assert [int(p.name[:4]) for p in DECISIONS] == [*range(1, len(DECISIONS) + 1)]
    assert [p.name for p in DECISIONS if f"({p.name})" not in listed] == []


def test_each_rule_has_one_place_and_a_test() -> None:
    """
    The table of rules has a row for each, with code and test or what it comes with.
    """
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in RULES.read_text(encoding="utf-8").splitlines()
        if re.match(r"\| \d", line)
    ]
    bare = [
        row[0]
        for row in rows
        if not row[2].startswith("comes with")
        if not (row[2].startswith("`src/") and row[3].startswith("`tests/"))
    ]

    assert [row[0] for row in rows] == RULES_OF_THE_BOOK
    assert bare == []


def test_every_error_is_in_the_reference() -> None:
    """
    The reference lists the code and the class of every error that can be raised.
    """
    page = (ROOT / "docs" / "reference" / "outcomes.md").read_text(encoding="utf-8")
    raised = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    lines = [
        f"| `{kind.code}` | `{kind.__name__}` |"
        for kind in raised
        if issubclass(kind, errors.MeterbookError)
    ]

    assert [line for line in lines if line not in page] == []


def _commands(page: Path) -> list[str]:
    """
    Return the `meterbook` commands in the console examples of a page.
    """
    blocks = CONSOLE.finditer(page.read_text(encoding="utf-8"))
    lines = [line for block in blocks for line in block["lines"].splitlines()]
    prompted = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    return [line for line in prompted if line.startswith("meterbook ")]


def _words(command: str) -> list[str]:
    """
    Return the words of a command, up to where the shell takes over.
    """
    return shlex.split(re.split(r" [|>] | && ", command)[0], comments=True)


def _fault(command: str) -> str | None:
    """
    Return why *command* cannot be run, or None; nothing is run.
    """
    node: object = _program()
    words = _words(command)[1:]
    while isinstance(node, TyperGroup) and words and words[0] in node.commands:
        node = node.commands[words.pop(0)]
    if not isinstance(node, TyperCommand):
        return f"no such command: {' '.join(words)}"

    stated = {word.partition("=")[0] for word in words if word.startswith("--")}
    known = {opt for param in node.params for opt in param.opts}
    known |= {opt for param in node.params for opt in param.secondary_opts}
    needed = {
        max(param.opts, key=len)
        for param in node.params
        if param.required and param.opts[0].startswith("-")
    }
    unknown, missing = sorted(stated - known - {"--help"}), sorted(needed - stated)
    return f"unknown {unknown}, missing {missing}" if unknown or missing else None


def _every_command() -> list[tuple[str, str]]:
    """
    Return the noun and verb of every command that is not hidden.
    """
    found: list[tuple[str, str]] = []
    for noun, group in _program().commands.items():
        assert isinstance(group, TyperGroup), f"{noun} has no verbs"
        found += [(noun, verb) for verb, c in group.commands.items() if not c.hidden]
    return found


@functools.cache
def _program() -> TyperGroup:
    """
    Return the command line as the library that runs it sees it.
    """
    program = typer.main.get_command(whole())
    assert isinstance(program, TyperGroup)
    return program
