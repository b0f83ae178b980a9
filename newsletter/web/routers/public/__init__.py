"""Pages that anybody can open."""

from newsletter.web.routers.public import (
    archive,
    authors,
    following,
    leaving,
    preferences,
    shared,
    subscriptions,
    webhooks,
)

#: The archive comes last: its addresses begin with a publication's name.
ROUTERS = (
    following.router,
    leaving.router,
    preferences.router,
    subscriptions.router,
    webhooks.router,
    shared.router,
    authors.router,
    archive.router,
)
