"""
What is measured: meters as they are defined, and ready to be used.
"""
