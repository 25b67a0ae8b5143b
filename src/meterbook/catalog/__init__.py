"""
What was agreed? Subscriptions, their terms, and the seats that were bought.
"""

from __future__ import annotations
