"""X14: a flood of returned mail, each piece three times and in any order, while senders are killed; then one of webhooks.

What is left is what each piece once, in order, would have made.
"""

from __future__ import annotations

import random
import smtplib
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tests.chaos.experiments.hooks_flood import flood_of_webhooks
from tests.chaos.experiments.kills import kill_until
from tests.chaos.sink import Accepted
from tests.chaos.stage import BEAT, WORKER, Run, Stage, look_until, stage
from tests.chaos.verdict import Verdict
from tests.servers import free_port, listens, wait_for
from tests.support.returned_mail import complaint, delivery_report

PEOPLE = 4_000
PIECES = 2_000
TIMES = 3
POSTMEN = 4
KILLS = 20
ENTRIES = """
SELECT word || coalesce(' ' || kind, ''), count(*) FROM feedback_entries WHERE source = 'mail' GROUP BY 1
"""
WAITING = "SELECT count(*) FROM returned_mails WHERE state = 'new'"
ADDRESSES = "SELECT address_key FROM suppressions"


@dataclass(frozen=True)
class Piece:
    """One returned mail, whom it is about, and the event it has to make."""

    about: str
    return_path: str
    message: bytes
    event: str

    @property
    def suppresses(self) -> bool:
        """True when the address must not be written to any more."""
        return self.event != "bounced soft"


def x14(run: Run) -> Verdict:
    """One campaign is answered by the flood while another is sent under fire."""
    verdict = Verdict(
        "X14", "a flood of returned mail and of webhooks, each three times, reordered, during kills"
    )
    port, chance = free_port(), run.chance("X14")
    crew = (WORKER, BEAT, ("receive", "--port", str(port)))
    with stage(run, "x14", run.scaled(PEOPLE), crew=crew, latency=0.02) as on:
        verdict.add(on.start().finish())
        pieces = _pieces(chance.sample(on.sink.accepted(), run.scaled(PIECES)))
        wait_for(lambda: listens(port), "the receiver's start")
        sending = on.start()
        with ThreadPoolExecutor(POSTMEN) as postmen:
            posted = postmen.map(lambda part: _post(port, part), _dealt(pieces, chance))
            opened = kill_until(sending, run.scaled(KILLS), chance)
        verdict.faults = sum(posted)
        look_until(lambda: on.ledger.ask(WAITING)[0][0] == 0, 240)
        verdict.add(sending.finish())
        _compare(on, verdict, pieces)
    verdict.figures["kills"] = len(opened)
    verdict.limit_ambiguous(sum(opened))
    flood_of_webhooks(run, verdict)
    return verdict


def _pieces(accepted: Sequence[Accepted]) -> list[Piece]:
    """Write a returned mail about each message: hard, soft, a complaint, in turn."""
    made = []
    for number, taken in enumerate(accepted):
        who, path = taken.recipient, taken.sender
        messages = (
            ("bounced hard", delivery_report(who, "5.1.1", "smtp; 550 5.1.1 No such user here")),
            ("bounced soft", delivery_report(who, "4.2.2", "smtp; 452 4.2.2 Mailbox full")),
            ("complained", complaint(who)),
        )
        event, message = messages[number % len(messages)]
        made.append(Piece(who, path, message, event))
    return made


def _dealt(pieces: Sequence[Piece], chance: random.Random) -> list[list[Piece]]:
    """Return every piece three times, shuffled, in a part for each postman."""
    flood = [piece for piece in pieces for _ in range(TIMES)]
    chance.shuffle(flood)
    return [flood[start::POSTMEN] for start in range(POSTMEN)]


def _post(port: int, pieces: Sequence[Piece]) -> int:
    """Hand pieces to the receiver as a mail server does; return how many it took."""
    with smtplib.SMTP("127.0.0.1", port, timeout=60) as server:
        for piece in pieces:
            server.sendmail("", piece.return_path, piece.message)
    return len(pieces)


def _compare(on: Stage, verdict: Verdict, pieces: Sequence[Piece]) -> None:
    wanted = Counter(piece.event for piece in pieces)
    found = Counter(dict(map(tuple, on.ledger.ask(ENTRIES))))
    suppressed = {row[0] for row in on.ledger.ask(ADDRESSES)}
    verdict.figures["events"] = dict(found)
    verdict.hold(found == wanted, f"events {dict(found)}, wanted {dict(wanted)}")
    named = {piece.about for piece in pieces if piece.suppresses}
    verdict.hold(suppressed == named, f"{len(suppressed ^ named)} addresses wrongly suppressed or not")
