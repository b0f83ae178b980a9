"""House-keeping once a minute."""

from __future__ import annotations

from celery import shared_task
from sqlalchemy import delete

from newsletter.accounts.models import LoginSession, SignInLink
from newsletter.db.session import unit_of_work
from newsletter.jobs import JobName
from workers.factory import container


@shared_task(name=JobName.UPKEEP.value)
def upkeep() -> None:
    """Forget sign-in links and sessions that have run out."""
    parts = container()
    now = parts.clock.now()
    with unit_of_work(parts.sessions) as session:
        session.execute(delete(SignInLink).where(SignInLink.expires_at < now))
        session.execute(delete(LoginSession).where(LoginSession.expires_at < now))
