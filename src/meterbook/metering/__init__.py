"""
What was used? Events, who pays for them, and the meters that read them.
"""

from __future__ import annotations
