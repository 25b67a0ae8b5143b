"""
The Merkle tree of a book, and what is proved by it.
"""
