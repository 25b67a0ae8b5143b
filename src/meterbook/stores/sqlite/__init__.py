"""
The book in one SQLite file: for one machine, with nothing to run beside it.

::

    store.py        the store: one connection, and its transactions
    reading.py      what a snapshot answers
    writing.py      what is told to the book
    following.py    what the worker derives
    schema.py       making, migrating and recognising a book
    connecting.py   the connection, its settings, and its errors in our words
"""

from __future__ import annotations

from meterbook.stores.sqlite.store import SqliteStore


__all__ = ["SqliteStore"]
