"""`python -m embstore`."""

from embstore.cli import main

main()
