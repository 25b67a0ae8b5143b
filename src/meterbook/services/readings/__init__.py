"""
What was used: meters read for a period, and every number explained.
"""
