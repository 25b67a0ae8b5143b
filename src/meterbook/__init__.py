"""
Record usage exactly once, read any meter for any period, explain every number.
"""

from __future__ import annotations
