"""Header lines: one validator for every value, own folding. The standard library's cannot be trusted here (F1, F2).

`List-*`, `Message-ID` and `Feedback-ID` never become encoded-words (RFC 2047 §5(3)); names and subjects do.
"""

from __future__ import annotations

import base64
import re

from newsletter.errors import InvalidInput

LONGEST_LINE = 998
FOLD_AT = 76
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_ENCODED_WORD = re.compile(r"=\?[^?\s]*\?[bBqQ]\?[^?\s]*\?=")
_TOKEN = re.compile(r"[!-9;-~]+")
_PLAIN = re.compile(r"[ -~]*")
_ATOM_PHRASE = re.compile(r"[A-Za-z0-9 !#$%&'*+/=?^_`{|}~-]*")
_ADDRESS = re.compile(r"[!-~]{1,64}@[A-Za-z0-9.\-\[\]:]{1,253}")
#: No blank, quote, bracket or comma, and nothing that cannot be seen or changes the direction of writing.
_WIDE_ADDRESS = re.compile(
    r"""[^\s<>"@,;:\\()\[\]\x00-\x20\x7f-\xa0\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]{1,64}"""
    r"@[A-Za-z0-9.\-]{1,253}"
)
#: A name that stands in a header as it is: letters, digits, dashes and single spaces between them.
_EASY_NAME = re.compile(r"(?:[A-Za-z0-9-]+(?: [A-Za-z0-9-]+)*)?")
_WORD_BYTES = 45  # 60 letters of base64 in an encoded-word of at most 75 (RFC 2047 §2)


def clean_value(text: str) -> str:
    """Return a value from outside on one line: no CR, LF, NUL or other control, encoded-words defused."""
    if text.isprintable() and "=?" not in text:
        return text.strip()
    return _ENCODED_WORD.sub(lambda match: match[0].replace("=?", "= ?"), _FORBIDDEN.sub(" ", text)).strip()


def structured(name: str, value: str) -> bytes:
    """Return a header whose value is a machine's: plain ASCII, folded at spaces only.

    :raises InvalidInput: when the value is not printable ASCII or cannot be folded below 998.
    """
    if not _TOKEN.fullmatch(name) or not _PLAIN.fullmatch(value):
        raise InvalidInput(f"The header {name} can only hold printable ASCII.")
    return folded(name, value.split(" "))


def unstructured(name: str, text: str) -> bytes:
    """Return a header whose value is people's words, encoded where it must be."""
    cleaned = clean_value(text)
    if _PLAIN.fullmatch(cleaned) and len(cleaned) + len(name) < LONGEST_LINE // 2:
        return folded(name, cleaned.split(" "))
    return folded(name, encoded_words(cleaned))


def mailbox(name: str, display: str, address: str, *, is_wide: bool = False) -> bytes:
    """Return an address header: `"Display" <address>`.

    With `is_wide` letters outside ASCII may stand before the @ (RFC 6532 §3.2): such a message needs a relay with SMTPUTF8.

    :raises InvalidInput: when the address is none.
    """
    if not (_ADDRESS.fullmatch(address) or (is_wide and _WIDE_ADDRESS.fullmatch(address))):
        raise InvalidInput(f"{address!r} cannot be written in a {name} header.")
    if _EASY_NAME.fullmatch(display):
        line = f"{name}: {display} <{address}>" if display else f"{name}: <{address}>"
        if len(line) <= FOLD_AT:
            return line.encode() + b"\r\n"
    return folded(name, [*phrase(display), f"<{address}>"])


def phrase(display: str) -> list[str]:
    """Return a display name as the words of a phrase (RFC 5322 §3.2.5)."""
    cleaned = clean_value(display)
    if not cleaned:
        return []
    if not _PLAIN.fullmatch(cleaned) or len(cleaned) > 200:
        return encoded_words(cleaned[:200])
    if _ATOM_PHRASE.fullmatch(cleaned) and "=?" not in cleaned:
        return cleaned.split(" ")
    quoted = cleaned.replace("\\", "\\\\").replace('"', '\\"')
    return [f'"{quoted}"']


def encoded_words(text: str) -> list[str]:
    """Return UTF-8 base64 encoded-words of at most 75 characters, cut between characters."""
    whole = text.encode("utf-8")
    if len(whole) <= _WORD_BYTES:
        return [_encoded_word(whole)]
    words, chunk = [], b""
    for character in text:
        encoded = character.encode("utf-8")
        if len(chunk) + len(encoded) > _WORD_BYTES:
            words.append(chunk)
            chunk = b""
        chunk += encoded
    words.append(chunk)
    return [_encoded_word(word) for word in words]


def _encoded_word(chunk: bytes) -> str:
    return f"=?utf-8?b?{base64.b64encode(chunk).decode('ascii')}?="


def folded(name: str, words: list[str]) -> bytes:
    """Return a header line folded between words, each line at most 998 (RFC 5322 §2.1.1)."""
    whole = " ".join([f"{name}:", *words])
    if len(whole) <= FOLD_AT:
        return whole.encode() + b"\r\n"
    lines, line = [], f"{name}:"
    for word in words:
        if len(line) + 1 + len(word) > FOLD_AT and line.strip() and not line.endswith(":"):
            lines.append(line)
            line = ""
        line += " " + word
    lines.append(line)
    if any(len(one) > LONGEST_LINE for one in lines):
        raise InvalidInput(f"The header {name} has a word longer than a line can be.")
    # A fold must be followed by a word: a line of white space alone would end up as an empty line somewhere.
    kept = [one for index, one in enumerate(lines) if index == 0 or one.strip()]
    return "\r\n".join(kept).encode() + b"\r\n"
