"""
How is the book doing, and does it agree with itself?
"""
