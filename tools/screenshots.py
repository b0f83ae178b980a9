"""Pictures of the real thing: runs the demo in a temporary folder and photographs its pages.

    python -m tools.screenshots [--out FOLDER]

Those that the documentation shows go to docs/images; all of them, wide, dark and narrow, to FOLDER.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.servers import find_binary, free_port, wait_for
from tools.png import smaller

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
#: What the documentation shows.
STORED = (
    "desk-wide-light",
    "campaign-wide-light",
    "mail-wide-light",
    "report-wide-dark",
    "archive-narrow-light",
)
PAGES = {
    "desk": "/admin/issues/2",
    "campaign": "/admin/campaigns/1",
    "report": "/admin/campaigns/1/report",
    "subscribers": "/admin/subscribers",
    "archive": "/northlight/",
    "mail": "",  # the first mail in the catcher
}
START_SECONDS = 180
WORDS = (
    "--title", "Frost on the eyepiece",
    "--subject", "Northlight Letter No. 2: frost on the eyepiece",
    "--preheader", "A borrowed coat, a comet nobody ordered, and why the stove smokes.",
    "--intro", "Dear {{first_name|reader}}, it was minus eleven and nobody went home.",
)  # fmt: skip
_STORIES = {
    "Frost on the eyepiece": "Breathe to the side, keep the cap on, and other things we learned by not doing them.",
    "A comet nobody ordered": "It was not in the almanac, not in the forecast, and not where Hana pointed first.",
    "The borrowed coat": "The coat by the door belongs to nobody. It has now seen more open nights than Goran.",
    "Why the stove smokes": "East wind, a bird's nest, and a pipe that is two hand-widths too short.",
    "Open nights in January": "Every Friday from seven, clouds or not. Under clouds there is soup.",
}
MORE_POSTS = {
    "version": "https://jsonfeed.org/version/1.1",
    "title": "Northlight Observatory: notes",
    "home_page_url": "https://observatory.example.com/notes",
    "items": [
        {
            "id": f"note-{number}",
            "url": f"https://observatory.example.com/notes/{number}",
            "title": title,
            "content_html": f"<p>{text}</p>",
            "date_published": f"2026-01-{20 - number:02d}T18:00:00Z",
            "authors": [{"name": "Mira Lindqvist"}],
        }
        for number, (title, text) in enumerate(_STORIES.items())
    ],
}


@dataclass(frozen=True)
class Look:
    """A window: its name, size and colours."""

    name: str
    width: int
    height: int
    colours: str


LOOKS = (
    Look("wide-light", 1440, 900, "light"),
    Look("wide-dark", 1440, 900, "dark"),
    Look("narrow-light", 390, 844, "light"),
)


@dataclass(frozen=True)
class Demo:
    """A demo that is served: its address, and the link that signs in."""

    url: str
    sign_in: str


@contextmanager
def running_demo(folder: Path) -> Iterator[Demo]:
    """Run the demo in a folder until the block ends, with a second issue in the making."""
    environment = _environment(folder)
    said = folder / "said"
    with said.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "newsletter", "demo"], env=environment, cwd=folder, stdout=out
        )
    try:
        wait_for(lambda: "/sign-in/" in said.read_text(), "the demo's start", START_SECONDS)
        url = environment["NEWSLETTER_BASE_URL"]
        _second_issue(environment, folder)
        found = re.search(r"\S+/sign-in/\S+", said.read_text())
        assert found is not None
        yield Demo(url, found[0])
    finally:
        process.terminate()
        process.wait(30)


def _environment(folder: Path) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("NEWSLETTER_")}
    port = free_port()
    return clean | {
        "PYTHONPATH": str(ROOT),
        "NEWSLETTER_DATA_DIR": str(folder),
        "NEWSLETTER_BASE_URL": f"http://127.0.0.1:{port}",
        "NEWSLETTER_WEB_PORT": str(port),
        "NEWSLETTER_CATCHER_PORT": str(free_port()),
        "NEWSLETTER_RECEIVER_PORT": str(free_port()),
    }


def _second_issue(environment: Mapping[str, str], folder: Path) -> None:
    """Make a draft to show at the desk: new posts, some of them gathered, some in the tray."""
    there = dict(environment) | {"NEWSLETTER_DATA_DIR": str(folder / "demo")}
    feed = folder / "more.json"
    feed.write_text(json.dumps(MORE_POSTS), encoding="utf-8")
    for arguments in (
        ("posts", "import", str(feed), "--publication", "northlight"),
        ("issue", "create", "--publication", "northlight", "--unsent", "--limit", "3"),
        ("issue", "edit", "northlight/2", *WORDS),
    ):
        subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", "newsletter", *arguments],
            env=there,
            cwd=folder,
            check=True,
            stdout=subprocess.DEVNULL,
        )


def photograph(browser: Browser, demo: Demo, out: Path) -> list[Path]:
    """Take every page in every look; return the files."""
    signed_in = _sign_in(browser, demo)
    paths = dict(PAGES) | {"mail": _first_mail(signed_in, demo)}
    state = signed_in.storage_state()
    signed_in.close()
    taken = []
    for look in LOOKS:
        context = browser.new_context(
            storage_state=state,
            viewport={"width": look.width, "height": look.height},
            color_scheme="dark" if look.colours == "dark" else "light",
            reduced_motion="reduce",
        )
        page = context.new_page()
        taken += [
            _take(page, demo.url + path, out / f"{name}-{look.name}.png") for name, path in paths.items()
        ]
        context.close()
    return taken


def _sign_in(browser: Browser, demo: Demo) -> BrowserContext:
    context = browser.new_context()
    page = context.new_page()
    page.goto(demo.sign_in)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/admin/")
    return context


def _first_mail(context: BrowserContext, demo: Demo) -> str:
    page = context.new_page()
    page.goto(f"{demo.url}/admin/catcher")
    address = page.locator("a[href^='/admin/catcher/']").first.get_attribute("href")
    assert address is not None
    return address


def _take(page: Page, address: str, path: Path) -> Path:
    answer = page.goto(address)
    assert answer is not None, address
    assert answer.ok, f"{address} answers {answer.status}"
    page.wait_for_load_state("networkidle")
    time.sleep(0.3)  # frames and fonts
    page.screenshot(path=path, animations="disabled", caret="hide")
    return path


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--out", type=Path, default=ROOT / "var" / "screenshots", help="Where all of them go."
    )
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        running_demo(Path(folder)) as demo,
        sync_playwright() as player,
    ):
        browser = player.chromium.launch(
            executable_path=find_binary("chromium", package="chromium"),
            args=["--no-sandbox", "--disable-gpu"],
        )
        taken = photograph(browser, demo, out)
        browser.close()
    for path in taken:
        if path.stem in STORED:
            (IMAGES / path.name).write_bytes(smaller(path.read_bytes()))
    sys.stdout.write(f"{len(taken)} pictures in {out}, {len(STORED)} of them small in {IMAGES}\n")


if __name__ == "__main__":
    main()
