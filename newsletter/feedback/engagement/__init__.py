"""Clicks and opens: hits are buffered, judged once their surroundings are known, and counted as people, uncertain, machines."""
