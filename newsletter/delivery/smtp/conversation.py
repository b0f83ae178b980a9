"""Transactions one after another over an open connection, each final dot held until it is released.

With PIPELINING the next envelope travels right behind the dot, so that a message costs one round trip (RFC 2920 §3.1:
DATA is the last of its group; what follows the dot may follow at once). Without it every command waits for its reply.

    MAIL RCPT DATA → 354 → body → (feeder: wants_dot) → release → "." + MAIL RCPT DATA of the next → 250 …

Messages come with CRLF line ends, 7-bit, and without a dot at a line's start (rendering writes =2E): nothing is stuffed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from newsletter.delivery.smtp.connection import SmtpConnection
from newsletter.delivery.smtp.replies import Reply
from newsletter.delivery.smtp.trouble import BLOCK_SECONDS, COMMAND_SECONDS, DOT_SECONDS, GOODBYE_SECONDS

DOT = b".\r\n"


class Envelope(NamedTuple):
    """A message ready for the wire: `sender` is the VERP return path."""

    sender: str
    recipient: str
    message: bytes


@dataclass(slots=True)
class Transaction:
    """One message on its way. `row_id` and `fence` name its row in the ledger; `group` is where it goes."""

    envelope: Envelope
    row_id: int = 0
    fence: int = 0
    attempts: int = 0
    group: str = ""
    began: float = 0.0
    refusal: Reply | None = None
    #: The body is out, and whoever decides about the dot has it.
    is_waiting: bool = False
    has_dot: bool = False
    #: The next message on its connection has taken over its place in the group.
    has_heir: bool = False
    #: It came back once already from a connection that broke.
    is_second_try: bool = False


class Feeder(Protocol):
    """Who has the messages and decides about dots."""

    def next_transaction(self, behind: Transaction | None) -> Transaction | None:
        """Return the next message, or None when there is none now; `behind` is still to be answered on this connection."""
        ...

    def wants_dot(self, conversation: Conversation, transaction: Transaction) -> None:
        """Take note that the whole body is out: call `release()` or `abandon()` on the conversation."""
        ...

    def answered(self, transaction: Transaction, reply: Reply) -> None:
        """Take the reply that decides: to MAIL, RCPT, DATA or the dot."""
        ...

    def given_back(self, transaction: Transaction, why: str) -> None:
        """Take back a message whose dot was never written."""
        ...

    def left(self, transaction: Transaction) -> None:
        """Take note that a message's connection is gone while its dot is being decided: who decides gives it back."""
        ...

    def unanswered(self, transaction: Transaction, why: str) -> None:
        """Take note that the dot was written and no reply came."""
        ...

    def idle(self, conversation: Conversation) -> None:
        """Take note that the conversation has nothing to do: call `go_on()` or `quit()` on it, now or later."""
        ...

    def ended(self, conversation: Conversation, why: str) -> None:
        """Take note that the connection is gone, and why."""
        ...


@dataclass(eq=False)
class Conversation:
    """The transactions of one connection."""

    connection: SmtpConnection
    feeder: Feeder
    most_messages: int = 1000
    sent_count: int = 0
    is_over: bool = False
    _current: Transaction | None = None
    _answering: Transaction | None = None
    _expected: deque[Callable[[Reply], None]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self._pipelines = "PIPELINING" in self.connection.extensions
        self.connection.on_reply = self._on_reply
        self.connection.on_drained = self._on_drained
        self.connection.on_lost = self._on_lost

    def go_on(self) -> None:
        """Begin the next transaction, or tell the feeder that there is none."""
        transaction = self._take()
        if transaction is None:
            self.connection.wait_for_us()
            self.feeder.idle(self)
        else:
            self.connection.write(self._opening(transaction), within=COMMAND_SECONDS)

    def release(self) -> None:
        """Write the final dot of the transaction that waits, and the next envelope right behind it; no dot if the relay is gone."""
        if self.connection.is_gone():
            return
        self._answering, self._current = self._transaction(), None
        self._answering.has_dot = True
        self._expected.append(self._on_dot)
        data = DOT
        if self._pipelines and (transaction := self._take()) is not None:
            data += self._opening(transaction)
        self.connection.write(data, within=DOT_SECONDS)

    def abandon(self) -> None:
        """Drop the connection: an open DATA cannot be taken back otherwise. The waiting row is the caller's."""
        self.connection.abort()

    def quit(self) -> None:
        """Say goodbye and close."""
        self.connection.is_leaving = True
        self._expected.append(lambda _: self.connection.abort())
        self.connection.write(b"QUIT\r\n", within=GOODBYE_SECONDS)

    @property
    def is_worn_out(self) -> bool:
        """True when this connection has carried as many messages as it may."""
        return self.sent_count >= self.most_messages

    @property
    def busy_since(self) -> float:
        """Since when its oldest message is on the way, by the loop's clock; never when there is none."""
        return min((each.began for each in (self._answering, self._current) if each), default=float("inf"))

    @property
    def is_broken(self) -> bool:
        """True when the connection ended without our wish."""
        return self.is_over and not self.connection.is_leaving

    def _take(self) -> Transaction | None:
        """Take the next message that this server can carry; the others are answered for it."""
        while self.sent_count + (self._answering is not None) < self.most_messages:
            transaction = self.feeder.next_transaction(self._answering)
            if transaction is None:
                return None
            refusal = unfit(transaction.envelope, self.connection.extensions)
            if refusal is None:
                self._current = transaction
                return transaction
            self.feeder.answered(transaction, refusal)
        return None

    def _opening(self, transaction: Transaction) -> bytes:
        envelope = transaction.envelope
        smtputf8 = "" if envelope.recipient.isascii() else " SMTPUTF8"
        size = f" SIZE={len(envelope.message)}" if "SIZE" in self.connection.extensions else ""
        mail = f"MAIL FROM:<{envelope.sender}>{size}{smtputf8}\r\n"
        self._expected.append(self._on_mail)
        if not self._pipelines:
            return mail.encode()
        self._expected += (self._on_recipient, self._on_data)
        return f"{mail}RCPT TO:<{envelope.recipient}>\r\nDATA\r\n".encode()

    def _on_reply(self, reply: Reply) -> None:
        if not self._expected:
            self.connection.break_off(f"{self.connection.target.host} said {reply.line} unasked")
            return
        self._expected.popleft()(reply)

    def _on_mail(self, reply: Reply) -> None:
        self._note(reply, lambda envelope: (f"RCPT TO:<{envelope.recipient}>\r\n", self._on_recipient))

    def _on_recipient(self, reply: Reply) -> None:
        self._note(reply, lambda _: ("DATA\r\n", self._on_data))

    def _note(
        self, reply: Reply, following: Callable[[Envelope], tuple[str, Callable[[Reply], None]]]
    ) -> None:
        """Keep the first refusal; without pipelining, send what follows."""
        transaction = self._transaction()
        if not reply.is_positive and transaction.refusal is None:
            transaction.refusal = reply
        if self._pipelines:
            return
        if transaction.refusal is not None:
            self._refused(transaction.refusal)
            return
        line, on_reply = following(transaction.envelope)
        self._expected.append(on_reply)
        self.connection.write(line.encode(), within=COMMAND_SECONDS)

    def _on_data(self, reply: Reply) -> None:
        transaction = self._transaction()
        if reply.code != 354:
            self._refused(transaction.refusal or reply)
        elif transaction.refusal is not None:
            # Some servers open DATA although no recipient was taken: end the empty message.
            self._expected.append(lambda _: self._refused(transaction.refusal or reply))
            self.connection.write(DOT, within=DOT_SECONDS)
        else:
            self.connection.write(transaction.envelope.message, within=BLOCK_SECONDS)
            if self.connection.is_drained:
                self._body_is_out(transaction)

    def _on_drained(self) -> None:
        transaction = self._current
        if transaction is not None and not self._expected and self.connection.lost is None:
            self._body_is_out(transaction)

    def _body_is_out(self, transaction: Transaction) -> None:
        if not transaction.is_waiting:
            transaction.is_waiting = True
            self.connection.wait_for_us()
            self.feeder.wants_dot(self, transaction)

    def _on_dot(self, reply: Reply) -> None:
        transaction, self._answering = self._answering, None
        assert transaction is not None
        self.sent_count += 1
        self.feeder.answered(transaction, reply)
        if reply.code == 421:
            self.connection.break_off(f"{self.connection.target.host} answered {reply.line}")
        elif self._current is None:
            self.go_on()

    def _refused(self, reply: Reply) -> None:
        """End a transaction that was refused before its body; 421 says that the server closes (RFC 5321 §3.8)."""
        if reply.code == 421:
            self.connection.break_off(f"{self.connection.target.host} answered {reply.line}")
            return
        transaction, self._current = self._transaction(), None
        self.feeder.answered(transaction, reply)
        self._expected.append(self._on_reset)
        self.connection.write(b"RSET\r\n", within=COMMAND_SECONDS)

    def _on_reset(self, reply: Reply) -> None:
        if reply.code == 250:
            self.go_on()
        else:
            self.connection.break_off(f"{self.connection.target.host} answered {reply.line} to RSET")

    def _transaction(self) -> Transaction:
        assert self._current is not None
        return self._current

    def _on_lost(self, why: str) -> None:
        """Sort out what was under way. A refusal that was heard counts even when the server hangs up right after it."""
        self.is_over = True
        answering, current = self._answering, self._current
        self._answering = self._current = None
        if answering is not None:
            self.feeder.unanswered(answering, why)
        if current is not None and current.is_waiting:
            self.feeder.left(current)
        elif current is not None:
            if current.refusal is not None and current.refusal.code != 421:
                self.feeder.answered(current, current.refusal)
            else:
                self.feeder.given_back(current, why)
        self.feeder.ended(self, why)


def unfit(envelope: Envelope, extensions: dict[str, str]) -> Reply | None:
    """Return the refusal that this server would give, when its EHLO already says so (RFC 1870 §6.1, RFC 6531 §3.2)."""
    if not envelope.recipient.isascii() and "SMTPUTF8" not in extensions:
        return Reply(
            550, "5.6.7 the relay does not carry addresses with other letters before the @ (SMTPUTF8)"
        )
    limit = extensions.get("SIZE", "")
    if limit.isdigit() and 0 < int(limit) < len(envelope.message):
        return Reply(552, f"5.3.4 the message has {len(envelope.message)} bytes, the relay takes {limit}")
    return None
