"""
Who is in, and how many at most: recorded live, read by month, moved.
"""
