"""`python -m newsletter`: the same as the command."""

from newsletter.cli.main import main

main()
