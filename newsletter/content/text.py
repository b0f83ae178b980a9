"""Text from outside made clean: control characters, entities escaped twice, plain words out of HTML."""

from __future__ import annotations

import html
import re
import unicodedata

_C1 = re.compile(r"[\x80-\x9f]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_SPACE = re.compile(r"\s+")
_DROPPED = re.compile(
    r"<!--.*?(?:-->|\Z)|<(script|style|noscript)\b[^<>]*>.*?(?:</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL
)
_INLINE = r"(?:a|abbr|b|bdi|bdo|cite|code|del|em|font|i|ins|kbd|mark|q|s|small|span|strong|sub|sup|u|wbr)\b"
_INLINE_TAG = re.compile(rf"</?{_INLINE}[^<>]{{0,2000}}>", re.IGNORECASE)
_TAG = re.compile(r"</?[A-Za-z!][^<>]{0,2000}>")
_BLOCK_TAG = re.compile(r"</?(?:br|div|h[1-6]|img|li|ol|p|ul)\b[^<>]{0,2000}>", re.IGNORECASE)
_CUT_BY_MACHINE = re.compile(
    r"\s*(?:\[(?:…|\.\.\.)\]|(?:…|\.\.\.)?\s*(?:Continue reading|Read more)\b.{0,300})\s*$", re.IGNORECASE
)
EXCERPT_WORDS = 55
TITLE_WORDS = 10


def clean(text: str) -> str:
    """Map C1 controls through cp1252 (a pasted Windows apostrophe makes Gmail clip a mail), drop other controls."""
    return _CONTROL.sub("", _C1.sub(_from_cp1252, text))


def _from_cp1252(match: re.Match[str]) -> str:
    return bytes([ord(match.group())]).decode("cp1252", "ignore")


def one_line(text: str) -> str:
    """Return cleaned text on one line, in NFC."""
    return unicodedata.normalize("NFC", _SPACE.sub(" ", clean(text))).strip()


def plain_title(text: str) -> str:
    """Return a title without markup and with entities resolved, also those escaped twice.

    Only tags that titles really carry are taken away: "Using <template> in HTML" stays whole.
    """
    for _ in range(3):
        if not _ENTITY.search(text):
            break
        text = html.unescape(text)
    return one_line(_BLOCK_TAG.sub(" ", _INLINE_TAG.sub("", text)))


def plain_text(markup: str) -> str:
    """Return the words of an HTML fragment on one line: blocks are set apart, inline tags join (H<sub>2</sub>O)."""
    bare = _TAG.sub(" ", _INLINE_TAG.sub("", _DROPPED.sub(" ", markup)))
    return one_line(html.unescape(bare))


def first_words(text: str, count: int, trimmed: str = ",;:–-") -> str:
    """Return the first words, with "…" when there are more."""
    words = text.split()
    cut = " ".join(words[:count])
    return cut.rstrip(trimmed) + "…" if len(words) > count else cut


def excerpt_of(summary: str, words: str) -> tuple[str, bool]:
    """Return (excerpt, made by us) from plain texts; a summary that a blog engine cut by itself is made anew."""
    trimmed = _CUT_BY_MACHINE.sub("", summary)
    if summary and trimmed == summary and summary != words:
        return summary, False
    return first_words(words or trimmed, EXCERPT_WORDS), True


def title_key(title: str) -> str:
    """Return a title as it is compared."""
    return unicodedata.normalize("NFKC", title).casefold()[:300]


def slugify(text: str) -> str:
    """Return a slug of letters and digits of any script, at most 80 long."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return re.sub(r"[^\w]+", "-", folded).strip("-_")[:80].strip("-_") or "untitled"


def direction_of(text: str) -> str:
    """Return rtl when a good part of the letters belongs to a right-to-left script."""
    letters = [character for character in text if character.isalpha()]
    rtl = sum(1 for letter in letters if "\u0590" <= letter <= "\u08ff" or "\ufb1d" <= letter <= "\ufefc")
    return "rtl" if rtl > 0.4 * len(letters) else "ltr"
