"""
In which transaction? One function is one use case.
"""

from __future__ import annotations
