"""The error tree. Every error a person can cause says what happened and what to do next."""

from __future__ import annotations


class NewsletterError(Exception):
    """Base of all expected errors. `str(error)` is one plain sentence for a person."""


class InvalidInput(NewsletterError):
    """A value from outside does not fit: web answers 422, the command line exits 1."""


class NotFound(NewsletterError):
    """There is no such thing: web answers 404, the command line exits 1."""


class Conflict(NewsletterError):
    """The thing is in a state (or changed meanwhile) that forbids the action: web answers 409."""


class Forbidden(NewsletterError):
    """The person may not do this: web answers 403."""


class ConfigurationError(NewsletterError):
    """A setting is missing or invalid; nothing can start until it is mended."""


class Unavailable(NewsletterError):
    """A part we depend on (database, broker, relay, remote site) does not answer now."""
