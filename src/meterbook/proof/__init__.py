"""
How is it shown to be so? Signed notes, Merkle trees, and the head of a book, signed.

No input or output here, no clock and no chance: keys and texts come in as arguments.
"""

from __future__ import annotations
