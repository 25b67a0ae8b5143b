"""
In whose transaction? Yours: what it takes to record on a connection of another library.

==================  ==================================================================
connection          what is done to find the driver's
==================  ==================================================================
sqlite3, psycopg    it is the driver's
SQLAlchemy          of a Session its connection; of a Connection the driver's
Django              the driver's, inside `atomic` only
==================  ==================================================================

They are known by what they can do. None of these libraries is imported: who has no
Django need not install it.
"""

from __future__ import annotations

from meterbook.integrations.callers import Callers
from meterbook.integrations.recognising import recognised


__all__ = ["Callers", "recognised"]
