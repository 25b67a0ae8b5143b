"""
At the vendor's: reports that come in, judged, kept, and looked over.
"""
