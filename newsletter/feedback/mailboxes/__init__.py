"""Mailboxes that returned mail is fetched from: IMAP, POP3, maildir."""
