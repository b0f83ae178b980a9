"""X5: the SMTP server's side of a connection dies at each state of the protocol, and the whole server at once."""

from __future__ import annotations

import time
from collections import Counter

from tests.chaos.behaviour import CUTS, CUTS_AFTER_DOT
from tests.chaos.stage import Run, Stage, stage
from tests.chaos.verdict import Verdict

CUTS_EACH = 100
TRANSACTIONS_A_CUT = 20
#: States at a connection's start: the relay closes connections after a few messages, so that there are enough of them.
AT_START = ("connect", "ehlo")
MESSAGES_A_CONNECTION = 5
CONNECTIONS_A_CUT = 4
#: The share of cuts in the body that the dot may cross on the wire: the sender has written it, the relay never reads it.
CROSSED = 0.03


def x5(run: Run) -> Verdict:
    """A server process of its own for each connection, as Postfix has it, dies in 100 transactions at each state."""
    verdict = Verdict("X5", "SMTP server killed at each protocol state")
    expected = 0
    with stage(run, "x5", run.scaled(CUTS_EACH * TRANSACTIONS_A_CUT)) as on:
        for state in CUTS:
            expected += _one_state(on, verdict, state)
        opened = _whole_server(on, verdict)
    verdict.limit_ambiguous(expected + opened)
    return verdict


def _one_state(on: Stage, verdict: Verdict, state: str) -> int:
    """Cut at one state during one campaign; return how many rows that left ambiguous."""
    at_start = state in AT_START
    before, asked = on.sink.facts()["cuts"], len(on.sink.attempts())
    on.sink.does(
        cut_at=state,
        cut_every=CONNECTIONS_A_CUT if at_start else TRANSACTIONS_A_CUT,
        close_after=MESSAGES_A_CONNECTION if at_start else 0,
    )
    sending = on.start()
    found = sending.finish()
    on.sink.does(cut_at="", close_after=0)
    cuts = on.sink.facts()["cuts"] - before
    verdict.faults += cuts
    verdict.add(found)
    verdict.figures[state] = {
        "cuts": cuts,
        "ambiguous": len(found.ambiguous),
        "failed": found.counts.get("failed", 0),
    }
    unknown = cuts if state in CUTS_AFTER_DOT else 0
    crossed = len(found.ambiguous) - unknown
    verdict.hold(
        0 <= crossed <= (CROSSED * cuts if state == "body" else 0),
        f"{state}: {len(found.ambiguous)} ambiguous for {unknown} cuts after a dot",
    )
    verdict.hold(not found.counts.get("failed"), f"{state}: {found.counts.get('failed')} ended as failed")
    wrong = _wrongly_asked(on, asked, before)
    verdict.hold(
        len(wrong) <= crossed,
        f"{state}: {len(wrong)} people were not asked once and once more after each cut",
    )
    return len(found.ambiguous)


def _wrongly_asked(on: Stage, attempts: int, cuts: int) -> list[str]:
    """Return whom the relay was not asked for just once, and once more for each time it was cut before the dot.

    Looks beyond the first so many attempts and cuts.
    """
    asked = Counter(each.recipient for each in on.sink.attempts()[attempts:])
    again = [each for each in on.sink.cuts()[cuts:] if each.state not in CUTS_AFTER_DOT and each.recipient]
    wanted = Counter(dict.fromkeys(asked, 1)) + Counter(each.recipient for each in again)
    return [who for who in asked | wanted if asked[who] != wanted[who]]


def _whole_server(on: Stage, verdict: Verdict) -> int:
    """SIGKILL the relay in the middle; return how many connections it had."""
    sending = on.start()
    sending.reach(100)
    opened = on.sink.facts()["open"]
    on.sink.kill()
    time.sleep(2)
    on.sink.start()
    verdict.faults += 1
    verdict.note_recovery(sending.progress())
    found = sending.finish()
    verdict.add(found)
    verdict.hold(
        len(found.ambiguous) <= opened,
        f"server killed: {len(found.ambiguous)} ambiguous, {opened} connections",
    )
    return opened
