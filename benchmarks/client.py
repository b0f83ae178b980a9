"""The SMTP client alone: the same message over and over, its dot released at once, beside smtp-source."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from benchmarks.sink import Sink, best_source
from newsletter.delivery.sending.engine import new_loop
from newsletter.delivery.smtp.conversation import Conversation, Envelope, Transaction
from newsletter.delivery.smtp.opening import open_connection
from newsletter.delivery.smtp.replies import Reply
from newsletter.delivery.smtp.target import SmtpTarget

CONNECTIONS = 10


class _Feeder:
    """Feeds so many copies of one message."""

    def __init__(self, envelope: Envelope, count: int) -> None:
        self._envelope, self._left = envelope, count
        self.taken = 0
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._connections = CONNECTIONS

    def next_transaction(self, behind: Transaction | None) -> Transaction | None:
        if not self._left:
            return None
        self._left -= 1
        return Transaction(self._envelope)

    def wants_dot(self, conversation: Conversation, transaction: Transaction) -> None:
        conversation.release()

    def answered(self, transaction: Transaction, reply: Reply) -> None:
        self.taken += reply.code == 250

    def given_back(self, transaction: Transaction, why: str) -> None:
        raise RuntimeError(why)

    unanswered = given_back

    def left(self, transaction: Transaction) -> None:
        raise RuntimeError("a connection broke")

    def idle(self, conversation: Conversation) -> None:
        conversation.quit()

    def ended(self, conversation: Conversation, why: str) -> None:
        self._connections -= 1
        if not self._connections:
            self.over.set_result(None)


@dataclass(frozen=True)
class ClientRun:
    """The client's rate beside smtp-source's, and its CPU for each message."""

    message_bytes: int
    rate: float
    source_rate: float
    cpu_us: float


def measure_client(sink: Sink, *, message_bytes: int, messages: int) -> ClientRun:
    """Send messages of a size over ten connections, then let smtp-source do it."""
    line = b"x" * 70 + b"\r\n"
    body = b"Subject: size\r\n\r\n" + line * (message_bytes // len(line))
    envelope = Envelope("letter@example.com", "reader@example.com", body)
    with asyncio.Runner(loop_factory=new_loop) as runner:
        cpu, start = time.process_time(), time.perf_counter()
        taken = runner.run(_send(SmtpTarget("127.0.0.1", sink.port), envelope, messages))
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    if taken != messages:
        raise RuntimeError(f"{taken} of {messages} were taken")
    source = best_source(sink, messages=messages, message_bytes=message_bytes)
    return ClientRun(message_bytes, messages / seconds, source.rate, cpu / messages * 1e6)


async def _send(target: SmtpTarget, envelope: Envelope, count: int) -> int:
    feeder = _Feeder(envelope, count)
    connections = await asyncio.gather(*(open_connection(target) for _ in range(CONNECTIONS)))
    for connection in connections:
        Conversation(connection, feeder, most_messages=count).go_on()
    await feeder.over
    return feeder.taken
