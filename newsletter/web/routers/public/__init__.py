"""Pages that anybody can open."""

from newsletter.web.routers.public import archive, leaving, preferences, subscriptions

#: The archive comes last: its addresses begin with a publication's name.
ROUTERS = (leaving.router, preferences.router, subscriptions.router, archive.router)
