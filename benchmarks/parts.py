"""What each part costs: making a message, signing it, the SMTP client alone, the freeze, the claims.

    python -m benchmarks.parts --rows 200000 --json parts.json

Times of pure computing are the best of several repetitions on one core; what is compared is measured in turns.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa

from benchmarks.campaign import Bench, bench
from benchmarks.client import measure_client
from benchmarks.letter import start_letter
from benchmarks.sink import Sink, running_smtp_sink
from newsletter.clock import utcnow
from newsletter.db.session import unit_of_work
from newsletter.delivery.control.freeze import freeze_campaign
from newsletter.delivery.models import Campaign
from newsletter.delivery.sending.claim import Claimed, claim
from newsletter.delivery.sending.outgoing import campaign_mail
from newsletter.delivery.sending.senders import sign_on
from newsletter.rendering.dkim import Signer
from tests.servers import PostgresServer

REPETITIONS = 7
MESSAGES = 2000


def best_us(work: Callable[[], object], times: int) -> float:
    """Return the µs of one call: the best of several repetitions."""
    found = []
    for _ in range(REPETITIONS):
        start = time.perf_counter()
        for _ in range(times):
            work()
        found.append((time.perf_counter() - start) / times * 1e6)
    return min(found)


@contextmanager
def letter(stack_url: str, sink: Sink, *, rows: int, dkim: Sequence[str] = ()) -> Iterator[Bench]:
    """Make a letter with readers in a folder of its own; an empty URL means SQLite there."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        url = stack_url or f"sqlite:///{folder / 'parts.db'}"
        with bench(
            folder, sink, database_url=url, broker_url="memory://", recipients=rows, kilobytes=42, dkim=dkim
        ) as made:
            yield made


def message_us(sink: Sink, dkim: Sequence[str]) -> float:
    """Return the µs of making one reader's message: tokens, headers, merge, signature."""
    with letter("", sink, rows=10, dkim=dkim) as made:
        campaign_id = start_letter(made.parts)
        with made.parts.sessions() as session:
            mail = campaign_mail(made.parts.sending.room, session.get_one(Campaign, campaign_id))
        rows = iter([Claimed(n, 1, f"reader{n}@example.com", f"Reader{n}", 0, utcnow(), utcnow()) for n in range(1 << 16)])  # fmt: skip
        times = 200 if "rsa" in dkim else MESSAGES
        return best_us(lambda: mail.prepare(next(rows)), times)


def bare_rsa_us() -> float:
    """Return the µs of one RSA-2048 signature and nothing else."""
    signer = Signer("example.com", "s1", rsa.generate_private_key(public_exponent=65537, key_size=2048))
    digest = sha256(b"message").digest()
    return best_us(lambda: signer.sign(digest), 200)


def freeze_and_claims(url: str, sink: Sink, rows: int) -> dict[str, float]:
    """Return the freeze's rows a second and the ms of a claim in the first and the last tenth."""
    with letter(url, sink, rows=rows) as made:
        campaign_id, start = start_letter(made.parts), time.perf_counter()
        freeze_campaign(made.parts.sessions, made.parts.queue, campaign_id)
        seconds = time.perf_counter() - start
        claims = list(_claims(made, campaign_id))
        tenth = max(1, len(claims) // 10)
        return {
            "rows": rows,
            "freeze_rows_per_second": rows / seconds,
            "claim_rows_per_second": rows / sum(claims),
            "claim_first_tenth_ms": sum(claims[:tenth]) / tenth * 1000,
            "claim_last_tenth_ms": sum(claims[-tenth:]) / tenth * 1000,
        }


def _claims(made: Bench, campaign_id: int) -> Iterator[float]:
    """Claim everything as one sender does; yield the seconds of each claim."""
    with unit_of_work(made.parts.sessions) as session:
        sign_on(session, "benchmark", campaign_id)
        after = session.get_one(Campaign, campaign_id).first_row
    while True:
        start = time.perf_counter()
        with unit_of_work(made.parts.sessions) as session:
            rows = claim(session, campaign_id, "benchmark", after=after)
        if not rows:
            return
        after = rows[-1].id
        yield time.perf_counter() - start


def measure(rows: int) -> dict[str, object]:
    """Measure every part."""
    with ExitStack() as stack:
        sink = stack.enter_context(running_smtp_sink())
        plain, signed = message_us(sink, ()), message_us(sink, ("rsa",))
        bare = bare_rsa_us()
        found: dict[str, object] = {
            "message_us": plain,
            "message_rsa_us": signed,
            "message_ed25519_us": message_us(sink, ("ed25519",)),
            "bare_rsa_us": bare,
            "rsa_signing_to_bare": (signed - plain) / bare,
        }
        for size in (30_000, 5_000):
            run = measure_client(sink, message_bytes=size, messages=20_000)
            found[f"client_{size // 1000}kb"] = asdict(run) | {"ratio": run.rate / run.source_rate}
        server = stack.enter_context(PostgresServer.started(durable=True))
        for name, database in (("sqlite", nullcontext("")), ("postgresql", server.database())):
            found[name] = freeze_and_claims(stack.enter_context(database), sink, rows)
    return found


def main() -> None:
    """Measure and print; write the JSON."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.parts", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=200_000, help="People in the audience (default 200000).")
    parser.add_argument("--json", type=Path, help="Write the figures to this file.")
    given = parser.parse_args()
    document = json.dumps(measure(given.rows), indent=2)
    sys.stdout.write(document + "\n")
    if given.json:
        given.json.write_text(document + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
