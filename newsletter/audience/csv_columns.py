"""What the columns of a file mean, by the names people give them, and a row's cells as a person."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from newsletter.audience.addresses import normalise
from newsletter.audience.csv_guard import unguarded
from newsletter.audience.text import language_tag, one_line
from newsletter.errors import InvalidInput

_SYNONYMS: Final = {
    "email": "email mail emailaddress emailaddr emailadresse mailadresse mailaddress subscriber subscriberemail address "
    "contactemail primaryemail email1value adresseemail adresseelectronique courriel correo correoelectronico epost "
    "ایمیل پستالکترونیک почта электроннаяпочта",
    "name": "name fullname displayname contactname subscribername realname nomcomplet nombre nombrecompleto نام имя",
    "first": "firstname first givenname forename fname vorname prenom prénom primernombre",
    "last": "lastname last surname familyname lname nachname nomdefamille apellido apellidos",
    "language": "language lang locale languagecode preferredlanguage sprache langue idioma زبان язык",
    "state": "state status subscriptionstatus subscriptionstate",
}
_MEANING: Final = {word: field for field, words in _SYNONYMS.items() for word in words.split()}
#: Columns of our own export that say nothing new.
_OURS: Final = frozenset({"confirmed_at", "lists"})
#: Words of other senders for people who must not be mailed from this list.
_LEFT: Final = frozenset(
    {
        "unsubscribed",
        "unsub",
        "optedout",
        "optout",
        "cleaned",
        "bounced",
        "complained",
        "inactive",
        "blocklisted",
    }
)
_NOT_WORD: Final = re.compile(r"[\W_]+")
MOST_ATTRIBUTE: Final = 2000


class Person(NamedTuple):
    """One usable row. `state` is what the row itself says about the membership: pending, unsubscribed or nothing."""

    line: int
    email: str
    key: str
    name: str
    language: str | None
    attributes: dict[str, str]
    state: str | None


class Columns:
    """Knows which column is what."""

    def __init__(self, header: list[str]) -> None:
        """Recognise the columns.

        :raises InvalidInput: when none of them holds addresses.
        """
        self._known: dict[str, int] = {}
        self._others: list[tuple[str, int]] = []
        for index, title in enumerate(header):
            field = _MEANING.get(_NOT_WORD.sub("", title.casefold()))
            if field is not None and field not in self._known:
                self._known[field] = index
            elif title and title not in _OURS:
                self._others.append((one_line(title, 60), index))
        if "email" not in self._known:
            shown = one_line(", ".join(header), 120)
            raise InvalidInput(
                f"No column of addresses in the first row ({shown}): name one of them 'email'."
            )

    def person(self, line: int, cells: list[str]) -> Person:
        """Read one row.

        :raises InvalidInput: when its address is none.
        """
        address = normalise(unguarded(self._cell("email", cells).strip()))
        language, state, attributes = None, None, self._attributes(cells)
        if said := self._cell("language", cells).strip():
            language = language_tag(said)
            if language is None:
                attributes["language"] = one_line(said, MOST_ATTRIBUTE)
        if said := self._cell("state", cells).strip():
            state = _state(said)
            if state is None:
                attributes["state"] = one_line(said, MOST_ATTRIBUTE)
        return Person(
            line, address.email, address.key, self._name(cells), language, attributes, state or None
        )

    def _cell(self, field: str, cells: list[str]) -> str:
        index = self._known.get(field)
        return cells[index] if index is not None and index < len(cells) else ""

    def _name(self, cells: list[str]) -> str:
        whole = unguarded(self._cell("name", cells).strip())
        if not whole:
            parts = (unguarded(self._cell(field, cells).strip()) for field in ("first", "last"))
            whole = " ".join(part for part in parts if part)
        return one_line(whole)

    def _attributes(self, cells: list[str]) -> dict[str, str]:
        found = {}
        for title, index in self._others:
            if index < len(cells) and (text := one_line(unguarded(cells[index].strip()), MOST_ATTRIBUTE)):
                found[title] = text
        return found


def _state(said: str) -> str | None:
    """Return pending, unsubscribed, or empty for a plain subscriber; None for a word that means something else."""
    word = _NOT_WORD.sub("", said.casefold())
    if word in _LEFT:
        return "unsubscribed"
    if word in ("pending", "unconfirmed"):
        return "pending"
    return "" if word in ("confirmed", "subscribed", "active", "enabled") else None
