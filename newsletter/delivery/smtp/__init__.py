"""Our own SMTP and LMTP client: one recipient per transaction, the final dot held until the ledger says go."""
