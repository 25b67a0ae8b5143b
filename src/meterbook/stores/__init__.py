"""
Where is it kept? One promise, three keepers.
"""

from __future__ import annotations
