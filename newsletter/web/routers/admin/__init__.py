"""Rooms for people who are signed in."""

from newsletter.web.routers.admin import home, sign_in

ROUTERS = (sign_in.router, home.router)
