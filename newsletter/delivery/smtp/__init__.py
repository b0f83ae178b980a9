"""Our own SMTP and LMTP client: pipelined, with the final dot in the caller's hand."""
