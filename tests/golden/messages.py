"""The issues whose mails are kept: `python -m tests.golden.messages` writes them anew, and the difference is to be read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from newsletter.issues.snapshot import IssueSnapshot, SectionSnapshot
from tests.support.messages import compiled, recipient
from tests.support.snapshots import item, snapshot

FOLDER = Path(__file__).parent
READER = recipient(name="Zoë Šárka")
FULL = item(
    1,
    display="full",
    html='<p>The <a href="https://harbour.example/log">log</a> says <em>“again”</em>.</p><ul><li>One</li><li>Two</li></ul>',
    image_url="https://harbour.example/lamp.jpg",
    image_alt="A lamp on a pier, lit",
    image_width=1072,
    image_height=536,
)
NOTE = item(
    2, kind="note", display="full", title="Supper", url=None, excerpt="Soup and **bread**. Bring a bowl."
)
PERSIAN = item(
    3,
    title="چراغ دوباره روشن شد",
    excerpt="پس از زمستانی تاریک، چراغ اسکله باز می‌چرخد.",
    language="fa",
    direction="rtl",
)


def issues() -> dict[str, IssueSnapshot]:
    """Return the kept issues by name."""
    english = snapshot(FULL, item(4), subject="{{first_name|Reader}}, No. 67 is here – with the lamp")
    two = SectionSnapshot(title="At the quay", items=(NOTE, item(5, display="title")))
    return {
        "english": replace(english, sections=(*english.sections, two)),
        "persian": snapshot(
            PERSIAN, language="fa", direction="rtl", subject="خبرنامه شمارهٔ ۶۷", title="چراغ روشن شد"
        ),
    }


def message(issue: IssueSnapshot) -> bytes:
    """Return the mail of a kept issue."""
    return compiled(issue).merge(READER)


if __name__ == "__main__":
    for name, issue in issues().items():
        (FOLDER / f"{name}.eml").write_bytes(message(issue))
