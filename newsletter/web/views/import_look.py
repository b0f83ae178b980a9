"""What a file would give before anybody is imported: its columns as chosen, and its first rows as people."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy.orm import Session
from starlette.datastructures import FormData, QueryParams

from newsletter.audience.csv_mapping import (
    ATTRIBUTE,
    FIELDS,
    LEFT_OUT,
    TriedRow,
    recognised,
    titles,
    try_rows,
)
from newsletter.audience.csv_reading import open_csv
from newsletter.audience.models import MailingList
from newsletter.audience.suppressions import suppressed_keys
from newsletter.bootstrap import Container
from newsletter.errors import InvalidInput
from newsletter.web.views.uploads import Upload

_SHOWN: Final = 8
_TRIED: Final = 1000


def chosen_meanings(values: QueryParams | FormData, meanings: list[str]) -> list[str]:
    """Return what was chosen for each column (`c0`, `c1`, …), what was recognised where nothing was."""
    known = {*FIELDS, ATTRIBUTE, LEFT_OUT}
    chosen = [values.get(f"c{place}", meaning) for place, meaning in enumerate(meanings)]
    return [
        choice if isinstance(choice, str) and choice in known else meaning
        for choice, meaning in zip(chosen, meanings, strict=True)
    ]


def dry_run(
    session: Session,
    parts: Container,
    kept: Upload,
    mailing_list: MailingList,
    header: list[str],
    meanings: list[str],
) -> dict[str, Any]:
    """Read the first rows as the import would; nothing is stored."""
    try:
        tried = try_rows(kept.path, titles(header, meanings), _TRIED)
    except InvalidInput as error:
        return {"problem": str(error), "rows": [], "stopped": set(), "counts": {}}
    keys = [row.person.key for row in tried if row.person is not None]
    stopped = suppressed_keys(session, keys, lambda: parts.settings.secret, mailing_list.publication_id)
    return {
        "problem": "",
        "rows": _telling(tried),
        "stopped": stopped,
        "counts": {"rows": len(tried), "usable": len(keys), "suppressed": len(stopped)},
    }


def _telling(tried: list[TriedRow]) -> list[TriedRow]:
    """Return the first rows, and the first bad ones when those come later."""
    first = tried[:_SHOWN]
    return first + [row for row in tried[_SHOWN:] if row.problem][:3]


def other_titles(kept: Upload, form: FormData) -> list[str] | None:
    """Return the titles to import by when somebody chose other columns than those recognised.

    :raises InvalidInput: when no column is chosen as the address.
    """
    with open_csv(kept.path) as file:
        header = file.header
    usual = recognised(header)
    meanings = chosen_meanings(form, usual)
    chosen = titles(header, meanings)
    return None if meanings == usual else chosen
