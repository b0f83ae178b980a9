"""Relays: where mail is handed over, which of them are healthy, and which one is next."""
