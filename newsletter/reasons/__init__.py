"""Why mail servers refuse: replies at SMTP time and returned mail are judged by the same words. Pure; no other stage is known here."""

from newsletter.reasons.judging import reason_of
from newsletter.reasons.reason import ABOUT_US, NOT_THEIR_FAULT, Reason
from newsletter.reasons.status import best_status, enhanced_status, is_passing
from newsletter.reasons.words import announces_retries, reason_in_words

__all__ = [
    "ABOUT_US",
    "NOT_THEIR_FAULT",
    "Reason",
    "announces_retries",
    "best_status",
    "enhanced_status",
    "is_passing",
    "reason_in_words",
    "reason_of",
]
