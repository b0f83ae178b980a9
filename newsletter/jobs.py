"""How any code asks for work to be done later. Rows are the truth, jobs are hints that carry ids only."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

JobArgument = int | str


class JobName(StrEnum):
    """Every job there is; a test holds that the workers know each of them."""

    IMPORT_SOURCE = "content.import_source"
    SEND_CONFIRMATION = "delivery.send_confirmation"
    FREEZE_CAMPAIGN = "delivery.freeze_campaign"
    SEND_CAMPAIGN = "delivery.send_campaign"
    COMPARE_CAMPAIGN = "delivery.compare_campaign"
    SWEEP_DELIVERIES = "delivery.sweep"
    LOOK_UP_DOMAINS = "delivery.look_up_domains"
    APPLY_REJECTIONS = "feedback.apply_rejections"
    APPLY_RETURNED_MAIL = "feedback.apply_returned_mail"
    FETCH_RETURNED_MAIL = "feedback.fetch_returned_mail"
    APPLY_PROVIDER_REQUEST = "feedback.apply_provider_request"
    COUNT_HITS = "feedback.count_hits"
    SWEEP_FEEDBACK = "feedback.sweep"
    FOLD_REPORTS = "reporting.fold"
    UPKEEP = "upkeep.tick"


class JobQueue(Protocol):
    """Accepts jobs. Losing one is harmless: a sweep re-issues what the rows still ask for."""

    def enqueue(self, job: JobName, **arguments: JobArgument) -> None:
        """Ask for `job` to be done soon with ids as arguments; returns at once."""
        ...
