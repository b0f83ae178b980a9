"""House-keeping once a minute."""

from __future__ import annotations

from celery import shared_task
from sqlalchemy import delete

from newsletter.accounts.models import LoginSession, SignInLink
from newsletter.db.session import unit_of_work
from newsletter.delivery.brakes.braking import evaluate_finished
from newsletter.delivery.limits.lookup import look_up_domains
from newsletter.delivery.limits.service import tidy
from newsletter.feedback.retention import empty_old_mail
from newsletter.feedback.webhooks import keeping
from newsletter.jobs import JobName
from workers.factory import container


@shared_task(name=JobName.UPKEEP.value)
def upkeep() -> None:
    """Forget sign-in links, sessions and counters that have run out; look once more at campaigns that have ended, empty old requests."""
    parts = container()
    now = parts.clock.now()
    with unit_of_work(parts.sessions) as session:
        session.execute(delete(SignInLink).where(SignInLink.expires_at < now))
        session.execute(delete(LoginSession).where(LoginSession.expires_at < now))
        tidy(session, now)
        evaluate_finished(session, now)
        empty_old_mail(session, days=parts.settings.returned_mail_days, now=now)
        keeping.tidy(session, now)


@shared_task(name=JobName.LOOK_UP_DOMAINS.value)
def look_up() -> None:
    """Learn who receives the mail of new domains; nobody needs to know while mail goes to the catcher."""
    from newsletter.adapters.mx_lookup import DnsMxLookup

    parts = container()
    if not parts.settings.uses_catcher:
        look_up_domains(parts.sessions, DnsMxLookup(), parts.clock)
