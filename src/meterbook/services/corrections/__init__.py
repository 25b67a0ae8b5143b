"""
What was told is corrected by telling more: voids, amendments, attributions.
"""
