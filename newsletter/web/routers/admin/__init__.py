"""Rooms for people who are signed in."""

from newsletter.web.routers.admin import (
    campaigns,
    catcher,
    desk,
    home,
    imports,
    items,
    lists,
    proof,
    reports,
    sections,
    sending,
    sign_in,
    subscribers,
    suppressions,
    users,
)

ROUTERS = (
    sign_in.router,
    home.router,
    desk.router,
    sections.router,
    items.router,
    proof.router,
    sending.router,
    campaigns.router,
    reports.router,
    lists.router,
    subscribers.router,
    imports.router,
    suppressions.router,
    users.router,
    catcher.router,
)
