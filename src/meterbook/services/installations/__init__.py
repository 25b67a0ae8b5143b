"""
At the customer's: licences that are installed, and reports that are made.
"""
