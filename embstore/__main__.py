"""`python -m embstore`."""

from embstore.cli.main import main

if __name__ == "__main__":
    main()
