"""
The one worker of a book: it drains, numbers, posts, rolls up.
"""
