"""
Told and kept: events, statements, and the people in them.
"""
