"""
A book in PostgreSQL 13 or newer, in a schema of its own.
"""

from __future__ import annotations

from meterbook.stores.postgres.store import PostgresStore


__all__ = ["PostgresStore"]
