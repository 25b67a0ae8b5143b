"""
What was agreed with a customer, and what follows for its seats.
"""
