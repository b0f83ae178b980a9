"""The oracle finds what it is there to find, the proxy breaks what it is told to, and the page shows what was measured."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.chaos.document import rendered
from tests.chaos.ledger import Books, Row
from tests.chaos.oracle import compare
from tests.chaos.verdict import Verdict, table, write_json
from tests.chaos.wires import Wires, running_wires
from tests.support.figures import BEGIN, END, put_into


def books(state: str = "finished", audience: int | None = None, **states: str) -> Books:
    rows = tuple(Row(who, what, None, 1, 0) for who, what in states.items())
    return Books(state, len(rows) if audience is None else audience, rows)


def test_all_is_well() -> None:
    found = compare(books(ada="sent", ben="ambiguous", cyd="failed", dan="ambiguous"), ["ada", "ben"])
    assert (found.troubles, found.messages, found.ambiguous_taken) == ([], 2, 1)


@pytest.mark.parametrize(
    ("ledger", "taken", "trouble"),
    [
        (books(ada="sent", ben="sent"), ["ada"], "1 lost (ben)"),
        (books(ada="sent"), ["ada", "ada"], "1 got it twice (ada)"),
        (books(ada="failed"), ["ada"], "1 took it although the ledger says otherwise (ada)"),
        (books(ada="sent", audience=2), ["ada"], "the equation does not hold"),
        (books(ada="committing"), ["ada"], "the equation does not hold"),
        (books("sending", ada="sent"), ["ada"], "the campaign did not end by itself"),
    ],
)
def test_what_breaks_the_promise_is_found(ledger: Books, taken: list[str], trouble: str) -> None:
    assert [each[: len(trouble)] for each in compare(ledger, taken).troubles] == [trouble]


def test_the_verdict_adds_up_campaigns_and_holds_bounds(tmp_path: Path) -> None:
    verdict = Verdict("X1", "kills", faults=3, figures={"0 ms": {"kills": 3}, "seconds": 5})
    verdict.add(compare(books(ada="sent", ben="ambiguous"), ["ada"]))
    verdict.limit_ambiguous(0.7)
    verdict.note_recovery(2.04)
    verdict.hold_recovery(1)
    assert verdict.troubles == [
        "1 ambiguous, at most 0.7 allowed",
        "recovered after 2.0 s, at most 1 s allowed",
    ]
    assert "FAIL" in table([verdict])
    write_json([verdict], tmp_path / "x.json", seed=1, scale=1.0)
    assert '"ambiguous": 1' in (tmp_path / "x.json").read_text()


def test_the_page_shows_what_was_measured() -> None:
    verdict = Verdict("X1", "kills", faults=3, messages=20_000)
    result = vars(verdict) | {
        "passed": True,
        "seed": 1,
        "scale": 1.0,
        "figures": {"seconds": 5, "0 ms": {"kills": 3}},
    }
    page = put_into(f"a\n{BEGIN}\nformer\n{END}\nz", rendered({"X1": result}))
    assert "| X1 | kills | 20,000 | 3 | 0 | 0 | 0 | – | holds | – | pass |" in page
    assert "0 ms: 3 kills; seed 1" in page
    assert "former" not in page
    with pytest.raises(ValueError, match="The page has no"):
        put_into("a page", "text")


@contextmanager
def echo() -> Iterator[int]:
    """Run a server that says back what it hears."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    threading.Thread(target=answer, args=(listening.accept()[0],), daemon=True).start()

        def answer(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                while data := connection.recv(4096):
                    connection.sendall(data)

        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1]


@pytest.fixture(scope="module")
def wires() -> Iterator[Wires]:
    with echo() as port, running_wires(echo=port) as proxy:
        yield proxy


@pytest.fixture
def client(wires: Wires) -> Iterator[socket.socket]:
    wires.heal()
    with socket.create_connection(("127.0.0.1", wires.ports["echo"]), 5) as connection:
        connection.sendall(b"hello")
        assert connection.recv(100) == b"hello"
        yield connection


def test_a_partition_holds_everything_and_loses_nothing(wires: Wires, client: socket.socket) -> None:
    wires.fault("echo", "drop")
    client.sendall(b"are you there?")
    client.settimeout(0.3)
    with pytest.raises(TimeoutError):
        client.recv(100)
    wires.heal()
    client.settimeout(5)
    assert client.recv(100) == b"are you there?"


def test_a_reset_ends_connections_with_rst(wires: Wires, client: socket.socket) -> None:
    wires.fault("echo", "reset")
    with pytest.raises(ConnectionResetError):
        client.recv(100)


def test_a_reset_comes_at_the_byte_it_was_asked_for(wires: Wires, client: socket.socket) -> None:
    wires.fault("echo", "reset_at", 10)
    client.sendall(b"1234")
    assert client.recv(100) == b"1234"
    client.sendall(b"5678")
    with pytest.raises(ConnectionResetError), client.makefile("rb") as answers:
        answers.read()


def test_half_a_connection_ends(wires: Wires, client: socket.socket) -> None:
    wires.fault("echo", "half_close")
    assert client.recv(100) == b""
    client.sendall(b"goes through")


def test_bytes_trickle(wires: Wires, client: socket.socket) -> None:
    wires.fault("echo", "trickle")
    client.sendall(b"ab")
    assert len(client.recv(100)) == 1
