"""Everybody's message written and none sent, and the real send held against it."""
