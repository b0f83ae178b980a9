"""Clicks and opens: rendering, redirect, judging, counting, consent, repair."""
