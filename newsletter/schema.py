"""Imports every models module; `metadata` is what Alembic compares the database with."""

from newsletter.accounts import models as accounts_models
from newsletter.audience import models as audience_models
from newsletter.audience import tracking_models
from newsletter.content import models as content_models
from newsletter.db.base import Base
from newsletter.delivery import models as delivery_models
from newsletter.delivery.control import link_models
from newsletter.delivery.dkim import models as dkim_models
from newsletter.delivery.limits import models as limit_models
from newsletter.delivery.rehearsing import models as rehearsal_models
from newsletter.delivery.relays import models as relay_models
from newsletter.delivery.sending import senders
from newsletter.feedback import models as feedback_models
from newsletter.feedback import policy_models as feedback_policy_models
from newsletter.feedback.engagement import models as engagement_models
from newsletter.feedback.mailboxes import models as mailbox_models
from newsletter.feedback.webhooks import models as provider_models
from newsletter.issues import models as issues_models
from newsletter.reporting import models as reporting_models

metadata = Base.metadata

__all__ = [
    "accounts_models",
    "audience_models",
    "content_models",
    "delivery_models",
    "dkim_models",
    "engagement_models",
    "feedback_models",
    "feedback_policy_models",
    "issues_models",
    "limit_models",
    "link_models",
    "mailbox_models",
    "metadata",
    "provider_models",
    "rehearsal_models",
    "relay_models",
    "reporting_models",
    "senders",
    "tracking_models",
]
