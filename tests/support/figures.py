"""Measured figures written into a page of the documentation, between two marks: none is typed by hand."""

from __future__ import annotations

from pathlib import Path

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


def put_into(page: str, text: str) -> str:
    """Return the page with the text between its marks.

    :raises ValueError: when the page has no marks.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"The page has no {BEGIN} and {END}.")
    return f"{before}{BEGIN}\n{text}\n{END}{after}"


def write_figures(page: Path, text: str) -> None:
    """Rewrite a page with new figures."""
    page.write_text(put_into(page.read_text(encoding="utf-8"), text), encoding="utf-8")
