"""What pages read, beyond what the stages give."""
