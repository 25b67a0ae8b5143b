"""
The composition root: a book, put together of its store, its clock and its services.
"""

from __future__ import annotations

from meterbook.app.book import Book


__all__ = ["Book"]
