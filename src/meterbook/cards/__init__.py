"""
How is it shown? A report card as a page and as PDF.
"""
