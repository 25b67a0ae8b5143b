"""
An application's own membership table tells the book who is in.
"""
