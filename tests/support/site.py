"""A running web app with something in it: two publications (one right-to-left), issues, a list, people."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from newsletter.sample import FEED
from tests.servers import free_port, listens, wait_for
from tests.support.installation import Installation
from tests.support.sink import Sink, running_sink

PEOPLE = 40


@dataclass(frozen=True)
class Site:
    """The app's address, its installation, and the sink that takes its mail."""

    url: str
    place: Installation
    sink: Sink

    def sign_in_link(self, email: str, role: str = "admin") -> str:
        """Make a user and return the address that signs them in once."""
        told = self.place.run("user", "create", email, "--role", role).stdout
        found = re.search(r"https?://\S+/sign-in/\S+", told)
        assert found is not None, told
        return found[0]


@contextmanager
def running_site(folder: Path) -> Iterator[Site]:
    """Serve a filled installation until the block ends."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with running_sink(folder) as sink:
        place = Installation.at(
            folder,
            base_url=url,
            web_port=str(port),
            smtp_url=f"smtp://127.0.0.1:{sink.port}",
            receiver_port=str(free_port()),
        )
        fill(place)
        with place.running("up", "--port", str(port)):
            wait_for(lambda: listens(port), "the web app's start")
            yield Site(url, place, sink)


def fill(place: Installation) -> None:
    """Make what the tests look at: an issue that is out, a draft, and one in Persian."""
    place.run("db", "upgrade")
    sender = "The Letter <letter@example.com>"
    place.run(
        "publication",
        "create",
        "letter",
        "--name",
        "The Letter",
        "--from",
        sender,
        "--address",
        "1 Hill Road",
    )
    place.run("list", "create", "readers", "--name", "Readers", "--publication", "letter")
    place.run("posts", "import", str(FEED), "--publication", "letter")
    place.run(
        "subscribers", "import", str(_people(place)), "--list", "readers", "--confirmed", "--consent", "asked"
    )
    place.run("issue", "create", "--publication", "letter", "--unsent", "--limit", "3")
    place.run("issue", "edit", "letter/1", "--intro", "Dear {{first_name|reader}}, the stove is lit.")
    place.run("issue", "approve", "letter/1")
    place.run("issue", "send", "letter/1", "--list", "readers", "--wait")
    place.run("issue", "create", "--publication", "letter", "--unsent", "--limit", "2")
    persian = "خبرنامه <khabar@example.com>"
    place.run("publication", "create", "khabar", "--name", "خبرنامهٔ رصدخانه", "--from", persian, "--language", "fa",
              "--address", "تهران")  # fmt: skip
    place.run("issue", "create", "--publication", "khabar")


def _people(place: Installation) -> Path:
    path = place.folder / "people.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["email", "name"])
        writer.writerows((f"reader{number}@example.com", f"Zoë Reader {number}") for number in range(PEOPLE))
    return path
