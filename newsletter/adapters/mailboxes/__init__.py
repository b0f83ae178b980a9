"""Mailboxes as the network and the disk have them."""

from __future__ import annotations

from contextlib import AbstractContextManager

from newsletter.feedback.mailboxes.box import Mailbox
from newsletter.feedback.mailboxes.place import MailboxPlace


def open_mailbox(place: MailboxPlace) -> AbstractContextManager[Mailbox]:
    """Return a context in which the mailbox is open.

    :raises MailboxGone: on entering, when it does not answer or does not let us in.
    """
    if place.protocol == "imap":
        from newsletter.adapters.mailboxes.imap import open_imap

        return open_imap(place)
    if place.protocol == "pop3":
        from newsletter.adapters.mailboxes.pop3 import open_pop3

        return open_pop3(place)
    from newsletter.adapters.mailboxes.maildir import open_maildir

    return open_maildir(place)
