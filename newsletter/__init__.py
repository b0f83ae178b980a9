"""Posts gathered into numbered issues, sent to every subscriber once and only once."""

__version__ = "0.1.0"
