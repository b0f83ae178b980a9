"""The verbs of this stage, in one place for web, command line and workers."""

from newsletter.audience.erasure import erase
from newsletter.audience.history import describe, history, subscriptions_of, suppressions_of
from newsletter.audience.lists import create_list, find_list, list_counts, list_lists
from newsletter.audience.preferences import choices, save_preferences
from newsletter.audience.search import find_subscriber, search_subscribers
from newsletter.audience.subscribing import (
    confirm,
    find_confirmable,
    get_or_create_subscriber,
    note_reason,
    subscribe,
    undo_unsubscribe,
    unsubscribe,
)

__all__ = [
    "choices",
    "confirm",
    "create_list",
    "describe",
    "erase",
    "find_confirmable",
    "find_list",
    "find_subscriber",
    "get_or_create_subscriber",
    "history",
    "list_counts",
    "list_lists",
    "note_reason",
    "save_preferences",
    "search_subscribers",
    "subscribe",
    "subscriptions_of",
    "suppressions_of",
    "undo_unsubscribe",
    "unsubscribe",
]
