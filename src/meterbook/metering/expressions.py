"""
SQL expressions that people write: looked at before a database is asked.

A declaration may say ``suspended_at IS NULL AND active``. Such text is put between
brackets in statements of ours, so it must be one expression, whole in itself::

    active                          taken
    role = 'it''s; (odd'            taken: what is quoted is nobody's business
    active) OR (true                refused: it would close our bracket
    active; DROP TABLE org          refused: that is a second statement
    active -- for now               refused: a comment swallows what comes behind

Whether it means anything is the database's to say; whoever may declare a capture may
run SQL anyway. This keeps a slip of the hand from becoming another statement.
"""

from __future__ import annotations

import re

from typing import Final, NamedTuple


# Quoted text is one piece; so is everything that ends an expression before its end.
_PIECE: Final = re.compile(
    r"""
    (?P<escaped> \b[eE]'(?:[^'\\]|''|\\.)*' )
  | (?P<text> '(?:[^']|'')*' )
  | (?P<name> "(?:[^"]|"")*" )
  | (?P<comment> -- | /\* )
  | (?P<open> [(\[] )
  | (?P<close> [)\]] )
  | (?P<parameter> (?<![:\w])[:@][A-Za-z_] )
  | (?P<odd> [;$'"`\x00] )
    """,
    re.VERBOSE | re.DOTALL,
)

_PARTNER: Final = {")": "(", "]": "["}

_ODD: Final = {
    ";": "holds a semicolon: it must be one expression",
    "$": "holds a $ outside of quotes: it takes no parameters",
    "'": "has a quote that is not closed",
    '"': "has a double quote that is not closed",
    "`": 'holds a backquote: names are quoted as in "this"',
    "\x00": "holds a NUL character",
}


class Pieces(NamedTuple):
    """
    What an expression is made of, as far as it can be told without a parser.

    Attributes:
        names: The names in double quotes, without the quotes.

        bare: The text, with spaces where anything was quoted.
    """

    names: tuple[str, ...]
    bare: str


def fault_in(text: str) -> str | None:
    """
    Return why *text* cannot be one SQL expression or query, or None if it may be one.
    """
    opened: list[str] = []
    for found in _PIECE.finditer(text):
        kind, piece = found.lastgroup, found[0]
        if kind == "odd":
            return _ODD[piece]
        if kind == "comment":
            return "holds a comment: leave it out"
        if kind == "parameter":
            return f"holds {piece!r}: it takes no parameters"
        if kind == "open":
            opened.append(piece)
        elif kind == "close" and (not opened or opened.pop() != _PARTNER[piece]):
            return f"closes a {piece} that it did not open"
    if opened:
        return f"does not close its {opened[-1]}"
    return None if text.strip() else "is empty"


def pieces_of(text: str) -> Pieces:
    """
    Return what *text*, which has no fault, is made of.
    """
    names = [
        found["name"][1:-1].replace('""', '"')
        for found in _PIECE.finditer(text)
        if found.lastgroup == "name"
    ]
    quoted = {"escaped", "text", "name"}
    bare = _PIECE.sub(lambda m: " " if m.lastgroup in quoted else m[0], text)
    return Pieces(tuple(names), bare)
