"""
What is a moment, a period, a quantity? The floor everything stands on.
"""

from __future__ import annotations
