"""Made-up traffic of which the truth is known: readers and machines as logs of link trackers show them, from a fixed seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from newsletter.feedback.engagement.judging import Seen
from newsletter.feedback.engagement.signals import Signal, signals_of

SENT_AT = datetime(2026, 11, 25, 9, tzinfo=UTC)
LINKS = 12
READERS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 15; Pixel 9 Build/AP4A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/142.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15",
)
PROGRAMS = (
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "WhatsApp/2.23.20.0 A", "python-requests/2.32.3", "curl/8.5.0",
    "Mozilla/5.0 (compatible; Barracuda Sentinel (EE))", "Mozilla/5.0", "", "Go-http-client/2.0", "TelegramBot (like TwitterBot)",
    "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/131.0.0.0 Safari/537.36",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", "facebookexternalhit/1.1",
)  # fmt: skip
Visit = list[Seen]


@dataclass(frozen=True)
class Trace:
    """The hits on one delivery, and whether a person made them."""

    name: str
    is_person: bool
    hits: Visit


def _hit(dice: random.Random, link: int, seconds: float, **given: str | bool) -> Seen:
    """Return a hit; `agent`, `language`, `method` and `ahead` are the request's, link 0 is the invisible one."""
    headers = [(b"user-agent", str(given.get("agent", dice.choice(READERS))).encode())]
    if given.get("language", True):
        headers.append((b"accept-language", b"de-DE,de;q=0.9"))
    if given.get("ahead"):
        headers.append((b"sec-purpose", b"prefetch"))
    signals = signals_of(str(given.get("method", "GET")), headers)
    return Seen(
        link, SENT_AT + timedelta(seconds=seconds), signals | (Signal.TRAP if link == 0 else Signal(0))
    )


def _chosen(dice: random.Random, most: int) -> list[int]:
    count = min(most, 1 + int(dice.expovariate(0.8)))
    return sorted(dice.sample(range(1, LINKS + 1), count))


def _read(dice: random.Random) -> float:
    """Return when somebody opens the mail: a quarter within some minutes, the others over two days."""
    return dice.uniform(25, 600) if dice.random() < 0.25 else dice.lognormvariate(9.0, 1.4) + 60


def reader(dice: random.Random) -> Visit:
    """Follows a link, reads, comes back."""
    at, agent = _read(dice), dice.choice(READERS)
    visit = []
    for link in _chosen(dice, 6):
        visit.append(_hit(dice, link, at, agent=agent))
        at += dice.lognormvariate(3.6, 0.9)
    return visit


def collector(dice: random.Random) -> Visit:
    """Opens some links in tabs first, then reads."""
    at, agent = _read(dice), dice.choice(READERS)
    visit = []
    for link in sorted(dice.sample(range(1, LINKS + 1), dice.randint(2, 5))):
        visit.append(_hit(dice, link, at, agent=agent))
        at += dice.lognormvariate(1.1, 0.5)
    return visit


def doubter(dice: random.Random) -> Visit:
    """Clicks twice, because the page is slow."""
    at, agent = _read(dice), dice.choice(READERS)
    link = dice.randint(1, LINKS)
    return [
        _hit(dice, link, at, agent=agent),
        _hit(dice, link, at + dice.uniform(0.3, 6), agent=agent),
    ]


def guarded(dice: random.Random) -> Visit:
    """Clicks through a gateway that looks at the page in the same moment."""
    at, link = _read(dice), dice.randint(1, LINKS)
    scan = _hit(dice, link, at - dice.uniform(0.05, 1.0), agent="Mozilla/5.0", method="HEAD")
    return [scan, _hit(dice, link, at)]


def private(dice: random.Random) -> Visit:
    """Reads with a browser that tells no language."""
    return [_hit(dice, dice.randint(1, LINKS), _read(dice), language=False)]


def scanned(dice: random.Random) -> Visit:
    """Reads a mail whose links a gateway has looked at when it arrived."""
    return gateway(dice) + reader(dice)


def gateway(dice: random.Random) -> Visit:
    """Looks at every link as soon as the mail arrives, with a browser's headers."""
    at = dice.uniform(0.5, 90)
    return [_hit(dice, link, at + dice.uniform(0, 4)) for link in dice.sample(range(LINKS + 1), LINKS + 1)]


def careful_gateway(dice: random.Random) -> Visit:
    """The same, but for links that nobody sees, and only some of them."""
    at = dice.uniform(0.5, 90)
    links = dice.sample(range(1, LINKS + 1), dice.randint(4, LINKS))
    return [_hit(dice, link, at + dice.uniform(0, 3)) for link in links]


def patient_gateway(dice: random.Random) -> Visit:
    """Takes its time between two links, and comes an hour later or a day."""
    at, visit = dice.uniform(5, 40_000), []
    for link in range(LINKS + 1):
        visit.append(_hit(dice, link, at))
        at += dice.uniform(1, 7)
    return visit


def crawler(dice: random.Random) -> Visit:
    """Follows everything in any order, slowly enough not to be noticed."""
    at, visit = dice.uniform(5, 40_000), []
    for link in dice.sample(range(LINKS + 1), LINKS + 1):
        visit.append(_hit(dice, link, at))
        at += dice.uniform(3, 25)
    return visit


def header_asker(dice: random.Random) -> Visit:
    """Asks for the headers of each link."""
    at = dice.uniform(0.5, 3000)
    return [_hit(dice, link, at + link * dice.uniform(0.2, 9), method="HEAD") for link in range(1, LINKS + 1)]


def program(dice: random.Random) -> Visit:
    """Says that it is one; chats that show a preview of a link that somebody passed on."""
    links = dice.sample(range(1, LINKS + 1), dice.randint(1, 3))
    at, agent = _read(dice), dice.choice(PROGRAMS)
    return [_hit(dice, link, at + dice.uniform(0, 30), agent=agent, language=False) for link in links]


def prefetcher(dice: random.Random) -> Visit:
    """A mail program that fetches pages before anybody asks."""
    at = _read(dice)
    return [
        _hit(dice, link, at + dice.uniform(0, 2), ahead=True) for link in dice.sample(range(1, LINKS + 1), 3)
    ]


def prober(dice: random.Random) -> Visit:
    """Tries one link the moment the mail arrives."""
    return [_hit(dice, dice.randint(1, LINKS), dice.uniform(0.2, 12), language=dice.random() < 0.4)]


#: Who comes, how often in a thousand, and whether it is a person.
MIX: tuple[tuple[Callable[[random.Random], Visit], int, bool], ...] = (
    (reader, 360, True), (collector, 60, True), (doubter, 30, True), (guarded, 40, True), (private, 10, True), (scanned, 100, True),
    (gateway, 190, False), (careful_gateway, 90, False), (patient_gateway, 40, False), (crawler, 20, False), (header_asker, 50, False),
    (program, 60, False), (prefetcher, 30, False), (prober, 20, False),
)  # fmt: skip


def traffic(count: int, seed: int) -> Iterator[Trace]:
    """Yield so many traces in the proportions of the mix."""
    dice = random.Random(seed)
    kinds = dice.choices(MIX, weights=[share for _, share, _ in MIX], k=count)
    for make, _, is_person in kinds:
        yield Trace(make.__name__, is_person, sorted(make(dice), key=lambda hit: hit.at))
