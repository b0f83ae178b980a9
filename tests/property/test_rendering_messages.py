"""Whatever people are called and whatever an issue says, the message stays one message with our headers and no others."""

from __future__ import annotations

import html

from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.rendering import headers
from newsletter.rendering.fields import value_of
from newsletter.rendering.mime import quoted_printable, quoted_value
from tests.support.messages import compiled, header_names, parsed, part, recipient
from tests.support.snapshots import item, snapshot

HEADERS = [
    "From", "To", "Subject", "Date", "Message-ID", "List-Unsubscribe", "Reply-To", "List-Unsubscribe-Post", "List-Id",
    "Feedback-ID", "Precedence", "MIME-Version", "Content-Type",
]  # fmt: skip
#: Text as hostile people write it: line breaks of every kind, encoded words with a line break inside, half surrogates.
hostile = st.one_of(
    st.text(max_size=120),
    st.text(alphabet=st.sampled_from("\r\n\x00\x0b\x85\u2028 :<>\"\\,;=?@.aÅß漢\u202e"), max_size=60),
    st.lists(st.sampled_from(["=?UTF-8?Q?=0ABcc:_x?=", "\r\nBcc: x@example.net", "Ada", "\r\n\r\n", "\n.\n", "=\r\n", "{{"])).map(
        "".join
    ),
)  # fmt: skip
PLAIN = compiled(snapshot())


def assert_well_formed(raw: bytes) -> None:
    assert raw.isascii()
    assert raw.count(b"\n") == raw.count(b"\r") == raw.count(b"\r\n")
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert b"\r\n." not in raw
    assert header_names(raw) == HEADERS


@given(name=hostile)
def test_a_name_never_adds_a_header(name: str) -> None:
    raw = PLAIN.merge(recipient(name=name))
    assert_well_formed(raw)
    message = parsed(raw)
    assert message["To"].addresses[0].addr_spec == "ada@example.com"
    assert len(message["To"].addresses) == 1
    assert set(message.keys()) == set(HEADERS)


@given(name=hostile)
def test_each_part_is_what_the_preview_shows(name: str) -> None:
    reader = recipient(name=name)
    message = parsed(PLAIN.merge(reader))
    assert part(message, "html") == PLAIN.html_for(reader)
    assert part(message, "plain") == PLAIN.text_for(reader)
    shown = value_of("firstname", "reader", reader)
    assert html.escape(shown) in part(message, "html")


@settings(max_examples=40, deadline=None)
@given(subject=hostile, title=hostile, excerpt=hostile, intro=hostile, name=hostile)
def test_an_issue_never_adds_a_header(subject: str, title: str, excerpt: str, intro: str, name: str) -> None:
    issue = snapshot(
        item(title=title, excerpt=excerpt), subject=subject, intro=intro, publication_name=name or "x"
    )
    message = compiled(issue)
    raw = message.merge(recipient())
    assert_well_formed(raw)
    assert part(parsed(raw), "html") == message.html_for(recipient())


@settings(deadline=None)
@given(st.text(max_size=300))
def test_quoted_printable_reads_back(text: str) -> None:
    import quopri

    encoded = quoted_printable(text)
    wanted = text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace")
    assert quopri.decodestring(encoded).replace(b"\r\n", b"\n") == wanted
    assert all(len(line) <= 76 and not line.startswith(b".") for line in encoded.split(b"\r\n"))


@given(st.text(alphabet=st.characters(blacklist_characters="\r\n"), max_size=200))
def test_a_value_reads_back_between_soft_breaks(value: str) -> None:
    import quopri

    wrapped = b"a=\r\n" + quoted_value(value) + b"=\r\nb"
    assert quopri.decodestring(wrapped) == b"a" + value.encode("utf-8", "replace") + b"b"


@given(hostile)
def test_a_cleaned_value_is_one_line(text: str) -> None:
    line = headers.unstructured("Subject", text)
    assert line.startswith(b"Subject:")
    assert line.endswith(b"\r\n")
    for following in line[:-2].split(b"\r\n")[1:]:
        assert following[:1] == b" "
        assert following.strip()


@given(st.text(alphabet=st.characters(categories=["L", "N", "P", "Zs", "So"]), max_size=200))
def test_words_read_back_from_a_subject(text: str) -> None:
    from email.header import decode_header, make_header

    cleaned = headers.clean_value(text)
    line = headers.unstructured("Subject", text)
    assert line.isascii()
    value = line.decode("ascii")[len("Subject:") :].replace("\r\n", "").strip()
    assert str(make_header(decode_header(value))).split() == cleaned.split()
