"""A campaign of thousands through a real Postfix and back: `python -m benchmarks.round_trip --readers 2000`.

Prints one JSON document; exits 1 when anything disagrees with what the servers did.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.servers import PostgresServer, RedisServer, wait_for
from tests.support.round_trip import RoundTrip, kind_of, people, round_trip, wait_for_all, working

_LONG = 900


def main() -> None:
    """Run it and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=2000, help="how many people the campaign goes to")
    parser.add_argument("--replays", type=int, default=3, help="how often everything is sent back once more")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="round-trip-")))
        folder.chmod(0o755)
        postgres = stack.enter_context(PostgresServer.started())
        url, redis = stack.enter_context(postgres.database()), stack.enter_context(RedisServer.started())
        trip = stack.enter_context(
            round_trip(folder, readers=options.readers, database_url=url, broker_url=redis.url)
        )
        found = measure(trip, options.replays)
    print(json.dumps(found, indent=2))
    sys.exit(not found["agrees"])


def measure(trip: RoundTrip, replays: int) -> dict[str, Any]:
    """Send, kill worker and receiver, let everything come back, compare, replay."""
    kinds = Counter(kind_of(address) for address, _ in people(trip.readers))
    with ExitStack() as stack:
        crash = stack.enter_context(working(trip, killed_after=kinds["dead"] // 4))
        begun, campaign_id = time.monotonic(), trip.start(has_brakes=False)
        crash()
        wait_for(lambda: trip.state(campaign_id) == "finished", "the end", _LONG)
        wait_for_all(trip, kinds["dead"] + kinds["full"], _LONG)
        wait_for_all(trip, kinds["dead"] + kinds["full"] + trip.complain(), _LONG)
        settled = time.monotonic() - begun
        after = trip.snapshot(campaign_id)
        changed = [number for number in range(replays) if _replay(trip, campaign_id) != after]
    wrong = disagreements(trip, after)
    return {
        "readers": trip.readers,
        "kinds": dict(kinds),
        "returned_mails": trip.count(),
        "seconds_until_all_applied": round(settled, 1),
        "report": after["report"],
        "disagreements": wrong[:20],
        "replays": replays,
        "replays_that_changed_something": len(changed),
        "agrees": not wrong and not changed,
    }


def _replay(trip: RoundTrip, campaign_id: int) -> dict[str, Any]:
    trip.replay()
    wait_for(lambda: trip.count("new") == 0, "the applying", _LONG)
    return trip.snapshot(campaign_id)


def disagreements(trip: RoundTrip, after: dict[str, Any]) -> list[str]:
    """Return each address of which entries or suppressions say other than the servers did."""
    entries = {row[3]: (row[0].partition(":")[0], row[1]) for row in after["entries"]}
    suppressed = {row[0]: row[1] for row in after["suppressions"]}
    refused, accepted = trip.exchanger.refused, trip.exchanger.accepted()
    expected = {
        "dead": (("bounced", "hard"), "hard_bounce", True),
        "full": (("bounced", "soft"), None, True),
        "cross": (("complained", None), "complaint", False),
        "reader": (None, None, False),
    }
    return [
        address
        for address, _ in people(trip.readers)
        if (entries.get(address), suppressed.get(address), address in refused) != expected[kind_of(address)]
        or (address in accepted) == (address in refused)
    ]


if __name__ == "__main__":
    main()
