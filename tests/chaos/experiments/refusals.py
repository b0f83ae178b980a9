"""X7: one group of domains is a tarpit, the relay storms with 421, refuses everybody for a time, greylists."""

from __future__ import annotations

import time

from tests.chaos.sink import Accepted
from tests.chaos.stage import Run, Sending, Stage, look_until, stage
from tests.chaos.verdict import Verdict
from tests.servers import wait_for

PEOPLE = 20_000
GROUPS = 5
TARPIT = "group0.example.com"
TARPIT_SECONDS = 20.0
STORM_SECONDS = 30.0
WATCH_SECONDS = 30.0
SHARE = 0.95
#: The schedule's first pause, in seconds.
FIRST_PAUSE = 300
SOONEST = """
SELECT min(extract(epoch FROM next_attempt_at - clock_timestamp())), count(*)
FROM deliveries WHERE campaign_id = :id AND state = 3
"""
LATER = (
    "UPDATE deliveries SET next_attempt_at = next_attempt_at - interval '20 minutes' WHERE campaign_id = :id"
)


def x7(run: Run) -> Verdict:
    """Tarpit, storm and refusals, one campaign each."""
    verdict = Verdict("X7", "a tarpit on 1 of 5 groups; 421 storm; 4xx to everybody; greylisting")
    with stage(run, "x7", run.scaled(PEOPLE), groups=GROUPS, latency=0.005) as on:
        _tarpit(run, on, verdict)
        _storm(run, on, verdict)
        _greylist(run, on, verdict)
    verdict.limit_ambiguous(0)
    return verdict


def _tarpit(run: Run, on: Stage, verdict: Verdict) -> None:
    """Compare the other four groups' speed with and without the tarpit."""
    free = _others_seconds(run, on, verdict)
    on.sink.does(tarpit_domains=[TARPIT], tarpit_seconds=TARPIT_SECONDS)
    held = _others_seconds(run, on, verdict)
    share = round(free / held, 3)
    verdict.faults += 1
    verdict.figures["tarpit: share of throughput kept by the other groups"] = share
    verdict.hold(share >= SHARE, f"the other groups kept {share:.0%} of their throughput, {SHARE:.0%} wanted")


def _others_seconds(run: Run, on: Stage, verdict: Verdict) -> float:
    """Send to everybody; return the seconds from the first message of the other groups to their last."""
    others = run.scaled(PEOPLE) * (GROUPS - 1) // GROUPS
    sending = on.start()
    look_until(lambda: sending.accepted >= others and len(_of_others(sending)) >= others, 240)
    times = [each.at for each in _of_others(sending)]
    on.sink.does(tarpit_domains=[])
    verdict.add(sending.finish())
    return max(times) - min(times)


def _of_others(sending: Sending) -> list[Accepted]:
    taken = sending.stage.sink.accepted(sending.before)
    return [each for each in taken if not each.recipient.endswith(TARPIT)]


def _storm(run: Run, on: Stage, verdict: Verdict) -> None:
    """Answer 421 to every MAIL for a while, in the middle of the sending."""
    sending = on.start()
    sending.reach(run.scaled(PEOPLE) // 4)
    on.sink.does(refusal="421 4.7.0 Try again later", refuse_at="mail")
    time.sleep(run.shortened(STORM_SECONDS))
    on.sink.does(refusal="", refuse_at="")
    verdict.faults += 1
    recovery = sending.progress()
    verdict.note_recovery(recovery)
    verdict.figures["421 storm: seconds until progress"] = round(recovery, 1)
    _let_time_pass(on, sending)
    verdict.add(sending.finish())


def _greylist(run: Run, on: Stage, verdict: Verdict) -> None:
    """Refuse everybody once with 451: nobody is asked again before the schedule says so."""
    people, before = run.scaled(PEOPLE), len(on.sink.attempts())
    on.sink.does(refusal="451 4.7.1 Greylisted, try again later", refuse_at="rcpt")
    sending = on.start()
    wait_for(lambda: on.ledger.count(sending.campaign, "deferred") == people, "a refusal for everybody", 240)
    soonest = float(on.ledger.ask(SOONEST, id=sending.campaign)[0][0])
    time.sleep(run.shortened(WATCH_SECONDS))
    asked = len(on.sink.attempts()) - before
    verdict.faults += asked
    verdict.figures["greylist: soonest next attempt, seconds"] = round(soonest)
    verdict.hold(asked == people, f"{asked} attempts for {people} people before the schedule's time")
    verdict.hold(soonest > FIRST_PAUSE - 60, f"a next attempt in {soonest:.0f} s")
    on.sink.does(refusal="", refuse_at="")
    _let_time_pass(on, sending)
    verdict.add(sending.finish())


def _let_time_pass(on: Stage, sending: Sending) -> None:
    """Move what is deferred twenty minutes on, as if they had passed."""
    wait_for(lambda: not on.ledger.count(sending.campaign, "queued", "claimed", "committing"), "quiet", 240)
    on.ledger.ask(LATER, id=sending.campaign)
