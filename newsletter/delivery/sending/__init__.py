"""Carrying rows to the relay: claims, lanes, rounds of intents and answers, the journal."""
