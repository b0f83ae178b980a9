"""`newsletter bounces rule`: the rule about soft bounces, everybody's or a publication's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from newsletter.cli.support import container, print_json, say

if TYPE_CHECKING:
    from newsletter.feedback.policy import SoftRule


def rule(
    publication: str = typer.Argument(..., help="The publication's short name."),
    count: int = typer.Option(0, help="Give it a rule of its own: so many soft bounces …"),
    over_days: int = typer.Option(14, help="… over at least so many days, without a success …"),
    forget_days: int = typer.Option(180, help="… each forgotten after so many days."),
    drop: bool = typer.Option(False, "--drop", help="Let everybody's rule hold again."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON alone."),
) -> None:
    """Show or set when soft bounces suppress an address; a publication's own rule counts and suppresses there alone."""
    from newsletter.db.session import unit_of_work
    from newsletter.feedback.policy import SoftRule
    from newsletter.feedback.rules import drop_rule, rule_of, set_rule
    from newsletter.issues.service import get_publication

    parts = container()
    with unit_of_work(parts.sessions) as session:
        found = get_publication(session, publication).id
        if drop:
            drop_rule(session, found, actor="system")
        elif count:
            wanted = SoftRule(count, over_days, forget_days)
            set_rule(session, found, wanted, actor="system", now=parts.clock.now())
        holds = rule_of(session, found)
    _tell(holds, as_json)


def _tell(holds: SoftRule, as_json: bool) -> None:
    own = holds.publication_id is not None
    if as_json:
        print_json(
            {
                "own": own,
                "count": holds.count,
                "over_days": holds.over_days,
                "forget_days": holds.forget_days,
            }
        )
    else:
        say(f"{'Its own rule' if own else 'The rule of all'}: {holds}.")
