"""Rooms for people who are signed in."""

from newsletter.web.routers.admin import desk, home, items, proof, sections, sending, sign_in

ROUTERS = (
    sign_in.router,
    home.router,
    desk.router,
    sections.router,
    items.router,
    proof.router,
    sending.router,
)
