"""Beat only ticks; each tick reads what is due from the database, so two beats are harmless."""

from __future__ import annotations

from typing import Any

from newsletter.jobs import JobName

BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "sweep-deliveries": {"task": JobName.SWEEP_DELIVERIES.value, "schedule": 5.0, "options": {"expires": 30}},
    "sweep-feedback": {"task": JobName.SWEEP_FEEDBACK.value, "schedule": 10.0, "options": {"expires": 30}},
    "fetch-returned-mail": {
        "task": JobName.FETCH_RETURNED_MAIL.value,
        "schedule": 10.0,
        "options": {"expires": 30},
    },
    "fold-reports": {"task": JobName.FOLD_REPORTS.value, "schedule": 10.0, "options": {"expires": 10}},
    "count-hits": {"task": JobName.COUNT_HITS.value, "schedule": 5.0, "options": {"expires": 30}},
    "look-up-domains": {
        "task": JobName.LOOK_UP_DOMAINS.value,
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "upkeep": {"task": JobName.UPKEEP.value, "schedule": 60.0, "options": {"expires": 60}},
}
