"""The template environment: escaping always on, a missing name is an error, and the few filters that pages use."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from newsletter.assets import asset
from newsletter.content.sanitise import sanitise
from newsletter.issues.snapshot import direction_of
from newsletter.rendering.compose import markdown_html
from newsletter.rendering.fields import WRITTEN_FIELD
from newsletter.rendering.words import long_date, words_for
from newsletter.web.views.archive_words import archive_words

_UNITS = ("bytes", "KB", "MB", "GB")


_REASONS = {
    "stage": "waits for the next stage",
    "limit": "waits for a limit",
    "hours": "waits for the sending hours",
    "resting": "its mail provider is left alone for a while",
    "slow": "its mail provider answers slowly",
    "already": "has this issue already",
    "content": "could not be written",
}


def because(reason: str | None) -> str:
    """Return the ledger's word for why a row waits or ended, as a person says it."""
    return _REASONS.get(reason or "", (reason or "").replace("_", " "))


@cache
def environment() -> Environment:
    """Return the environment of all pages."""
    made = Environment(
        loader=FileSystemLoader(asset("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        because=because,
        number=number,
        direction=direction_of,
        plural=plural,
        moment=moment,
        day=day,
        size=size,
        told=told,
        place=place,
        written=written,
        stored=stored,
    )
    made.globals.update(archive_words=archive_words, words_for=words_for)
    return made


def number(value: int | float | None) -> str:
    """Write a number with thousands separated; a dash when there is none."""
    if value is None:
        return "–"
    return f"{value:,.0f}"


def plural(count: int, one: str, many: str = "") -> str:
    """Write `1 person`, `2 people`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def moment(value: datetime | None, missing: str = "–") -> Markup:
    """Write a time in UTC, machine-readable too; pages show it in the reader's zone where scripts run."""
    if value is None:
        return Markup("{}").format(missing)
    return Markup('<time datetime="{}">{}</time>').format(
        value.isoformat(), value.astimezone(UTC).strftime("%-d %b %Y, %H:%M UTC")
    )


def told(value: str | date | None) -> str | Markup:
    """Write a value of a table that is no number."""
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, date):
        return day(value.isoformat())
    return value or "–"


def place(value: date) -> str:
    """Write a time below a chart: the date for a day, date and hour for a whole hour, the time of day for a moment."""
    if not isinstance(value, datetime):
        return f"{value:%-d %b %Y}"
    return f"{value:%H:%M:%S}" if value.minute or value.second else f"{value:%-d %b, %H:%M}"


def day(value: datetime | str | None, language: str = "") -> Markup:
    """Write a date, as people of a language do when one is given."""
    if not value:
        return Markup("–")
    moment_ = datetime.fromisoformat(value) if isinstance(value, str) else value
    said = long_date(moment_.isoformat(), language) if language else moment_.strftime("%-d %b %Y")
    return Markup('<time datetime="{}">{}</time>').format(moment_.date().isoformat(), said)


def written(text: str) -> Markup:
    """Render Markdown that an editor wrote; fields show their fallback, as in a mail to a reader without a name."""
    return Markup(markdown_html(WRITTEN_FIELD.sub(lambda match: match[2] or "", text)))  # noqa: S704 - no raw HTML


def stored(markup: str) -> Markup:
    """Pass on HTML that was sanitised when it was stored, sanitised again: what is stored once is old one day."""
    return Markup(sanitise(markup))  # noqa: S704


def size(count: int) -> str:
    """Write bytes as people read them."""
    value = float(count)
    for unit in _UNITS:
        if value < 1024 or unit == _UNITS[-1]:
            break
        value /= 1024
    return f"{value:,.0f} {unit}" if unit == "bytes" else f"{value:,.1f} {unit}"
