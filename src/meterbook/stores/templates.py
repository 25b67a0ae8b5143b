"""
SQL with holes: what depends on names that are known only when it is run.

A template is a file ``sql/<dialect>/<folder>/<name>.sql``. A hole is a word in braces;
what is put into it is not looked at again, so that braces in it stay what they are.
"""

from __future__ import annotations

import functools
import re

from importlib import resources
from typing import Final


_HOLE: Final = re.compile(r"\{([a-z_]+)\}")


def filled(text: str, **parts: str) -> str:
    """
    Return *text* with every hole filled by the part of its name.
    """
    return _HOLE.sub(lambda hole: parts[hole[1]], text)


@functools.cache
def template(dialect: str, folder: str, name: str) -> str:
    """
    Return the text of a template.
    """
    root = resources.files("meterbook.stores").joinpath("sql", dialect, folder)
    return root.joinpath(f"{name}.sql").read_text(encoding="utf-8").strip()


def identifier(name: str) -> str:
    """
    Return *name* as an SQL identifier, whatever it is.
    """
    return '"{}"'.format(name.replace('"', '""'))


def literal(text: str) -> str:
    """
    Return *text* as an SQL constant, whatever it is.
    """
    return "'{}'".format(text.replace("'", "''"))
