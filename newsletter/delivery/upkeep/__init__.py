"""What lost workers, hints and connections left behind is put right from the rows."""
