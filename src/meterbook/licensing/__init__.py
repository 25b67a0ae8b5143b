"""
What may an instance do alone, and what does it owe?
"""
