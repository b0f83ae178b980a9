"""`newsletter user`: who may sign in."""

from __future__ import annotations

import sys

import typer

from newsletter.cli.support import container, print_json, say

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Who may sign in.")


@app.command(epilog="Example: newsletter user create ana@example.com --role editor")
def create(
    email: str = typer.Argument(..., metavar="EMAIL"),
    role: str = typer.Option(..., help="admin, editor or viewer."),
    name: str = typer.Option("", help="The person's name."),
    password_stdin: bool = typer.Option(
        False, "--password-stdin", help="Read the password from standard input."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print JSON alone."),
) -> None:
    """Create a user; without a password print a link that signs in once, within 30 minutes."""
    from newsletter.accounts import audit, service
    from newsletter.db.session import unit_of_work

    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else None
    parts = container()
    with unit_of_work(parts.sessions) as session:
        user = service.create_user(session, email=email, role=role, password=password, name=name)
        token = None if password else service.create_sign_in_link(session, user, now=parts.clock.now())
        audit.record(session, actor="system", action="user.create", object=user.email, details={"role": role})
    link = f"{parts.settings.base_url}/sign-in/{token}" if token else None
    if as_json:
        print_json({"id": user.id, "email": user.email, "role": user.role, "sign_in_link": link})
        return
    say(f"{user.email} is {user.role}.")
    if link:
        say(f"Sign in once, within 30 minutes: {link}")


@app.command(epilog="Example: newsletter user link ana@example.com")
def link(
    email: str = typer.Argument(..., metavar="EMAIL"),
    as_json: bool = typer.Option(False, "--json", help="Print JSON alone."),
) -> None:
    """Print a link that signs this user in once, within 30 minutes."""
    from newsletter.accounts import audit, service
    from newsletter.db.session import unit_of_work

    parts = container()
    with unit_of_work(parts.sessions) as session:
        user = service.find_user(session, email)
        token = service.create_sign_in_link(session, user, now=parts.clock.now())
        audit.record(session, actor="system", action="user.link", object=user.email)
    address = f"{parts.settings.base_url}/sign-in/{token}"
    if as_json:
        print_json({"email": user.email, "sign_in_link": address})
    else:
        say(address)


@app.command(epilog="Example: newsletter user password ana@example.com < password.txt")
def password(email: str = typer.Argument(..., metavar="EMAIL")) -> None:
    """Set a password read from standard input; every signed-in browser of the user is signed out."""
    from newsletter.accounts import audit, service
    from newsletter.db.session import unit_of_work

    chosen = sys.stdin.readline().rstrip("\r\n")
    with unit_of_work(container().sessions) as session:
        user = service.find_user(session, email)
        service.change_password(session, user, chosen)
        audit.record(session, actor="system", action="user.password", object=user.email)
    say(f"The password of {user.email} is changed.")


@app.command(epilog="Example: newsletter user disable ana@example.com")
def disable(email: str = typer.Argument(..., metavar="EMAIL")) -> None:
    """Shut a user out at once; their signed-in browsers are signed out."""
    from newsletter.accounts import audit, service
    from newsletter.db.session import unit_of_work

    parts = container()
    with unit_of_work(parts.sessions) as session:
        user = service.find_user(session, email)
        service.disable_user(session, user, now=parts.clock.now())
        audit.record(session, actor="system", action="user.disable", object=user.email)
    say(f"{user.email} may not sign in any more.")


@app.command("list", epilog="Example: newsletter user list --json")
def list_users(as_json: bool = typer.Option(False, "--json", help="Print JSON alone.")) -> None:
    """List users."""
    from newsletter.accounts import service

    with container().reading_sessions() as session:
        users = service.list_users(session)
    if as_json:
        print_json(
            [
                {
                    "id": one.id,
                    "email": one.email,
                    "name": one.name,
                    "role": one.role,
                    "disabled_at": one.disabled_at,
                }
                for one in users
            ]
        )
        return
    for one in users:
        say(f"{one.email}  {one.role}" + ("  (disabled)" if one.disabled_at else ""))
    if not users:
        say("Nobody yet: newsletter user create you@example.com --role admin")
