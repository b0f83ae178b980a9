"""One message over a connection of its own: test mails, confirmations, the relay's test."""

from __future__ import annotations

import asyncio

from newsletter.delivery.smtp.conversation import Conversation, Envelope, Transaction
from newsletter.delivery.smtp.opening import open_connection
from newsletter.delivery.smtp.replies import Reply
from newsletter.delivery.smtp.target import SmtpTarget
from newsletter.delivery.smtp.trouble import GOODBYE_SECONDS, ConnectionTrouble


async def deliver_one(target: SmtpTarget, envelope: Envelope) -> Reply:
    """Send one message and return the reply that decides.

    :raises ConnectionTrouble: when there is none; the message may have been taken when its dot was already written.
    """
    connection = await open_connection(target)
    errand = _Errand(envelope)
    Conversation(connection, errand).go_on()
    try:
        return await errand.outcome
    finally:
        await asyncio.wait([errand.over], timeout=GOODBYE_SECONDS)


class _Errand:
    """Feeds a conversation with one message and lets its dot go at once."""

    def __init__(self, envelope: Envelope) -> None:
        self._left: list[Transaction] = [Transaction(envelope)]
        loop = asyncio.get_running_loop()
        self.outcome: asyncio.Future[Reply] = loop.create_future()
        self.over: asyncio.Future[None] = loop.create_future()

    def next_transaction(self, behind: Transaction | None) -> Transaction | None:
        return self._left.pop() if self._left else None

    def wants_dot(self, conversation: Conversation, transaction: Transaction) -> None:
        conversation.release()

    def answered(self, transaction: Transaction, reply: Reply) -> None:
        if not self.outcome.done():
            self.outcome.set_result(reply)

    def given_back(self, transaction: Transaction, why: str) -> None:
        self._fail(why)

    def unanswered(self, transaction: Transaction, why: str) -> None:
        self._fail(why)

    def left(self, transaction: Transaction) -> None:
        self._fail("the connection broke")

    def idle(self, conversation: Conversation) -> None:
        conversation.quit()

    def ended(self, conversation: Conversation, why: str) -> None:
        self._fail(why)
        self.over.set_result(None)

    def _fail(self, why: str) -> None:
        if not self.outcome.done():
            self.outcome.set_exception(ConnectionTrouble(why))
