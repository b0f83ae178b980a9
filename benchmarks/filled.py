"""A large installation made by the database itself: people, campaigns, their ledgers and what came back, in a few statements.

Rows of the ledger are written without its indexes, which are made again afterwards: twenty million in some minutes.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Engine, text

from newsletter.db import migrate

#: Bytes of a delivery with its indexes and what comes back of it, found by measuring.
BYTES_PER_DELIVERY: Final = 700
#: A few domains hold most people, as everywhere; the rest is a long tail of 20,000.
_DOMAIN: Final = """CASE WHEN i % 100 < 38 THEN 'g' || i % 7 WHEN i % 100 < 58 THEN 'o' || i % 5
 WHEN i % 100 < 70 THEN 'y' || i % 3 WHEN i % 100 < 75 THEN 'c' ELSE 't' || (i::bigint * 7919) % 20000 END || '.example.com'"""

PEOPLE: Final = (
    """INSERT INTO publications (id, slug, name, description, from_name, from_address, postal_address, language, time_zone,
 theme, accent, shows_bylines, next_number, created_at) VALUES (1, 'letter', 'The Letter', '', 'Letter',
 'letter@example.com', '', 'en', 'UTC', 'digest', '#0f566b', true, 100, now() - interval '3 years')""",
    """INSERT INTO mailing_lists (id, slug, name, description, publication_id, optin, visibility, created_at)
 SELECT i, 'list-' || i, 'List ' || i, '', 1, 'double', 'public', now() - interval '3 years' FROM generate_series(1, 4) i""",
    """INSERT INTO destination_domains (domain, destination_group, mx, looked_up_at, failures)
 SELECT letter || i || '.example.com', name, '', now(), 0
 FROM (VALUES ('g', 'google', 6), ('o', 'outlook', 4), ('y', 'yahoo', 2)) AS known (letter, name, last),
 generate_series(0, known.last) i""",
    f"""INSERT INTO subscribers (id, email, address_key, name, attributes, created_at, updated_at)
 SELECT i, address, address, 'Reader ' || i, '{{}}', at, at
 FROM (SELECT i, 'r' || i || '@' || {_DOMAIN} AS address, now() - i % 1095 * interval '1 day' AS at
 FROM generate_series(1, :people) i) AS made""",
    """INSERT INTO subscriptions (list_id, subscriber_id, state, created_at, confirmed_at, unsubscribed_at,
 unsubscribe_reason, unsubscribe_source, campaign_id)
 SELECT CASE WHEN id % 10 < 7 THEN 1 ELSE 2 + id % 3 END, id,
 CASE WHEN id % 50 = 0 THEN 'unsubscribed' WHEN id % 50 = 1 THEN 'pending' ELSE 'confirmed' END, created_at,
 CASE WHEN id % 50 <> 1 THEN created_at END, CASE WHEN id % 50 = 0 THEN now() - id % 140 * interval '1 day' END,
 CASE WHEN id % 150 = 0 THEN 'Too many mails' WHEN id % 250 = 0 THEN 'Not what I expected' ELSE '' END,
 CASE WHEN id % 50 = 0 THEN 'link' ELSE '' END, CASE WHEN id % 50 = 0 THEN 1 + id % :campaigns END FROM subscribers""",
    """INSERT INTO consents (subscriber_id, list_id, action, source, at, ip, user_agent, wording, wording_hash)
 SELECT subscriber_id, list_id, 'confirm', 'form', created_at, '', '', 'Send me the letter.', '' FROM subscriptions
 WHERE confirmed_at IS NOT NULL UNION ALL
 SELECT subscriber_id, list_id, 'unsubscribe', 'link', unsubscribed_at, '', '', '', '' FROM subscriptions
 WHERE unsubscribed_at IS NOT NULL ORDER BY 5""",
)  # fmt: skip

CAMPAIGNS: Final = (
    """INSERT INTO issues (id, publication_id, number, label, state, title, subject, preheader, intro, outro, version,
 created_at, updated_at) SELECT i, 1, i, '', 'sent', 'Issue ' || i, '', '', '', '', 1, now(), now()
 FROM generate_series(1, :campaigns) i""",
    """INSERT INTO issue_snapshots (id, issue_id, content_hash, document, created_at)
 SELECT i, i, 'hash ' || i, '{}', now() FROM generate_series(1, :campaigns) i""",
    """INSERT INTO campaigns (id, issue_id, snapshot_id, state, created_at, created_by, frozen_at, freeze_cursor, first_row,
 last_row, audience, started_at, ended_at, ambiguous_policy, reason, stage_seeds, has_brakes)
 SELECT i, i, i, CASE WHEN i < :campaigns THEN 'finished' ELSE 'sending' END, at, '', at, 0, (i - 1) * :people,
 i * :people, :people, at, CASE WHEN i < :campaigns THEN at + interval '20 minutes' END, 'hold', '', '', true
 FROM (SELECT i, now() - (:campaigns - i) * interval '7 days' - interval '1 hour' AS at
 FROM generate_series(1, :campaigns) i) AS made""",
    """INSERT INTO campaign_lists (campaign_id, list_id) SELECT c, l FROM generate_series(1, :campaigns) c,
 generate_series(1, 4) l""",
    """INSERT INTO campaign_events (campaign_id, at, actor, what) SELECT id, started_at, '', 'Started.' FROM campaigns""",
)  # fmt: skip

#: 1.5 % are refused, most of them hard; 0.5 % were suppressed; everybody else got it at 800 a second. Who comes after
#: `reached` still waits (n is 1000).
LEDGER: Final = """INSERT INTO deliveries (id, campaign_id, subscriber_id, address, address_key, state, reason, attempts,
 crashes, fence, date, sent_at, smtp_code, bounce, response)
 SELECT first_row + s.id, c.id, s.id, s.email, s.address_key,
 CASE WHEN n < 15 THEN 11 WHEN n < 20 THEN 12 WHEN n < 1000 THEN 10 ELSE 0 END,
 CASE WHEN n < 9 THEN 'dead' WHEN n < 12 THEN 'policy' WHEN n < 15 THEN 'full' WHEN n < 20 THEN 'suppressed' END,
 CASE WHEN n BETWEEN 15 AND 19 OR n = 1000 THEN 0 ELSE 1 END, 0, 1, c.started_at,
 CASE WHEN n BETWEEN 20 AND 999 THEN c.started_at + s.id / 800.0 * interval '1 second' END,
 CASE WHEN n < 15 THEN 550 WHEN n BETWEEN 20 AND 999 THEN 250 END,
 CASE WHEN n < 9 THEN 'hard' WHEN n < 15 THEN 'soft' END,
 CASE WHEN n < 15 THEN '550 5.1.1 User unknown' WHEN n BETWEEN 20 AND 999 THEN '250 2.0.0 Ok: queued as 4F2A1' END
 FROM campaigns c, (SELECT *, CASE WHEN id > :reached THEN 1000 ELSE (id * 7907 + :campaign * 104729) % 1000 END AS n FROM subscribers) AS s
 WHERE c.id = :campaign ORDER BY s.id"""

#: What the server refused, 1 % that came back later, and one complaint in 5,000.
FEEDBACK: Final = """INSERT INTO feedback_entries (key, word, at, campaign_id, delivery_id, subscriber_id, address_key, kind,
 status, reason, diagnostic, source, said_by)
 SELECT word || ':' || id, word, at, campaign_id, id, subscriber_id, address_key, kind, '5.0.0', why, '', source, '' FROM (
 SELECT *, CASE WHEN bounce IS NOT NULL THEN 'rejected' WHEN n % 5000 = 77 THEN 'complained' ELSE 'bounced' END AS word,
 COALESCE(sent_at, date) + n % 200 * interval '1 minute' AS at,
 CASE WHEN bounce IS NOT NULL THEN bounce WHEN n % 5000 = 77 THEN NULL WHEN n % 3 = 0 THEN 'hard' ELSE 'soft' END AS kind,
 CASE WHEN bounce IS NOT NULL THEN reason WHEN n % 3 = 0 THEN 'dead' WHEN n % 2 = 0 THEN 'full' ELSE 'network' END AS why,
 CASE WHEN bounce IS NOT NULL THEN 'smtp' ELSE 'mail' END AS source
 FROM (SELECT *, (id * 6101) % 10000 AS n FROM deliveries WHERE campaign_id + 0 = :campaign
 AND id > :first AND id <= :last) AS d WHERE bounce IS NOT NULL OR (state = 10 AND (n < 100 OR n % 5000 = 77))) AS e"""


#: Twenty links an issue; one in twenty deliveries had one followed, by people, by machines, by who knows.
CLICKS: Final = (
    """INSERT INTO links (id, issue_id, key, place, position, words, original, target, created_at)
 SELECT i * 20 + n, i, 'k' || i || '-' || n, 'outro', n, 'Link ' || n, 'https://example.com/' || n,
 'https://example.com/' || n, now() FROM generate_series(1, :campaigns) i, generate_series(0, 19) n""",
    """INSERT INTO clicks (campaign_id, delivery_id, link_id, subscriber_id, first_at, last_at, hits, verdict)
 SELECT campaign_id, id, campaign_id * 20 + id % 20, subscriber_id, sent_at + id % 3000 * interval '2 minutes',
 sent_at + id % 3000 * interval '2 minutes', 1, id % 3 FROM deliveries WHERE state = 10 AND id % 20 = 7""",
    """INSERT INTO link_totals (campaign_id, link_id, people, uncertain, machines)
 SELECT campaign_id, link_id, count(*) FILTER (WHERE verdict = 2), count(*) FILTER (WHERE verdict = 1),
 count(*) FILTER (WHERE verdict = 0) FROM clicks GROUP BY 1, 2""",
    """INSERT INTO engagement_totals (campaign_id, is_opens, people, uncertain, machines)
 SELECT campaign_id, false, sum(people), sum(uncertain), sum(machines) FROM link_totals GROUP BY 1""",
)  # fmt: skip


@dataclass(frozen=True)
class Size:
    """How large the installation is; every campaign goes to everybody, and the newest is half way through."""

    people: int
    campaigns: int

    @property
    def deliveries(self) -> int:
        """Return the rows of the ledger."""
        return self.people * self.campaigns


def fill(engine: Engine, size: Size, *, folder: str = "/") -> None:
    """Make the schema and fill it.

    :raises RuntimeError: when the disk that holds the database would become too full.
    """
    needed, free = size.deliveries * BYTES_PER_DELIVERY, shutil.disk_usage(folder).free
    if free < 2 * needed:
        raise RuntimeError(
            f"This needs {2 * needed / 1e9:.0f} GB of free disk, {free / 1e9:.0f} GB are there."
        )
    migrate.upgrade(engine)
    _run(engine, PEOPLE + CAMPAIGNS, people=size.people, campaigns=size.campaigns)
    _fill_ledger(engine, size)
    for number in range(1, size.campaigns + 1):
        rows = {"first": (number - 1) * size.people, "last": number * size.people}
        _run(engine, (FEEDBACK,), campaign=number, **rows)
    _run(engine, CLICKS, campaigns=size.campaigns)
    _settle(engine)


def _fill_ledger(engine: Engine, size: Size) -> None:
    with engine.begin() as connection:
        indexes = connection.execute(
            text(
                "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
                " WHERE conrelid = 'deliveries'::regclass AND contype IN ('u', 'p') ORDER BY contype"
            )
        ).all()
        for name, _ in indexes:
            connection.execute(text(f"ALTER TABLE deliveries DROP CONSTRAINT {name}"))
    for number in range(1, size.campaigns + 1):
        reached = size.people if number < size.campaigns else size.people // 2
        _run(engine, (LEDGER,), campaign=number, reached=reached)
    for name, definition in indexes:
        _run(engine, (f"ALTER TABLE deliveries ADD CONSTRAINT {name} {definition}",))


def _settle(engine: Engine) -> None:
    """Let the database know what is there, as its own upkeep would over night."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for name in ("subscribers", "subscriptions", "consents", "feedback_entries", "deliveries", "clicks"):
            connection.execute(text(f"VACUUM (ANALYZE) {name}"))
            connection.execute(
                text(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), max(id)) FROM {name}")
            )


def _run(engine: Engine, statements: tuple[str, ...], **values: Any) -> None:
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL maintenance_work_mem = '1GB'"))
        for statement in statements:
            known = {name: value for name, value in values.items() if f":{name}" in statement}
            connection.execute(text(statement), known)
