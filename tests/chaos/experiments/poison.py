"""X12: one person's message kills the process that prepares it; that person is put aside, everybody else is written to."""

from __future__ import annotations

from tests.chaos.stage import BEAT, WORKER, Run, stage
from tests.chaos.verdict import Verdict

PEOPLE = 5_000
CONNECTIONS = 10
#: Twice in company, then alone.
MOST_DEATHS = 3


def x12(run: Run) -> Verdict:
    """The message of somebody in the middle of the list is poison."""
    verdict = Verdict("X12", "a message that kills its worker")
    people = run.scaled(PEOPLE)
    victim = f"reader{run.chance('X12').randrange(people)}@example.com"
    deaths = run.folder / "deaths"
    hooks = {"CHAOS_POISON": victim, "CHAOS_DEATHS": str(deaths)}
    with stage(run, "x12", people, connections=CONNECTIONS, crew=(WORKER, BEAT), hooks=hooks) as on:
        sending = on.start()
        verdict.add(sending.finish())
        books = on.ledger.books(sending.campaign)
    verdict.faults = len(deaths.read_text().splitlines())
    aside = {row.address: row.reason for row in books.rows if row.state == "failed"}
    verdict.figures["put aside"] = aside
    verdict.hold(aside == {victim: "quarantined"}, f"put aside: {aside}, the poison is {victim}")
    verdict.hold(
        verdict.faults <= MOST_DEATHS, f"{verdict.faults} processes died, at most {MOST_DEATHS} allowed"
    )
    verdict.limit_ambiguous(verdict.faults * CONNECTIONS)
    return verdict
