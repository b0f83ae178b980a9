"""X13: the freeze is interrupted at random people; the audience is exact nevertheless.

A trigger in the database holds the freeze at one person for a moment, and the worker is killed there.
"""

from __future__ import annotations

from tests.chaos.stage import Run, Stage, stage
from tests.chaos.verdict import Verdict
from tests.servers import wait_for

PEOPLE = 50_000
POINTS = 20
HOLD = """
CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN IF NEW.address = '{who}' THEN PERFORM pg_sleep(2); END IF; RETURN NEW; END $$;
CREATE TRIGGER hold AFTER INSERT ON deliveries FOR EACH ROW EXECUTE FUNCTION hold();
"""
HELD = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
RELEASE = "DROP TRIGGER hold ON deliveries; DROP FUNCTION hold();"


def x13(run: Run) -> Verdict:
    """Kill the worker while the row of a random person is being written, again and again."""
    verdict = Verdict("X13", "freeze interrupted at random points")
    people, chance = run.scaled(PEOPLE), run.chance("X13")
    points = sorted(chance.sample(range(people), run.scaled(POINTS)))
    with stage(run, "x13", people) as on:
        _hold_at(on, points[0])
        sending = on.start()
        for point, following in zip(points, [*points[1:], None], strict=True):
            wait_for(lambda: bool(on.ledger.ask(HELD)[0][0]), f"the freeze of reader {point}", 60)
            on.crew.kill_worker(on.crew.workers()[0])
            wait_for(lambda: not on.ledger.ask(HELD)[0][0], "the end of the interrupted statement")
            on.ledger.ask(RELEASE)
            verdict.faults += 1
            if following is not None:
                _hold_at(on, following)
        verdict.add(sending.finish())
        books = on.ledger.books(sending.campaign)
    verdict.figures["audience"] = books.audience
    verdict.hold(books.audience == people, f"the audience is {books.audience}, not {people}")
    verdict.hold(len({row.address for row in books.rows}) == people, "somebody is missing or there twice")
    verdict.limit_ambiguous(0)
    return verdict


def _hold_at(on: Stage, reader: int) -> None:
    on.ledger.ask(HOLD.format(who=f"reader{reader}@example.com"))
