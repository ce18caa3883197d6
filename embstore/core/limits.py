"""The largest line, token and row that are read: beyond them a file is damaged, or made to take time and memory.

Each is far above what published tables have: a row of 300 numbers is a line of 3,000 bytes.
"""

from __future__ import annotations

MAX_LINE = 1 << 24
"""Bytes of a line of text."""

MAX_TOKEN = 1 << 20
"""Bytes of a token, and of a field in a line of text."""

MAX_DIM = 1 << 22
"""Numbers in a row."""

MAX_EXPECTED = 1 << 20
"""Rows for which an index is made in advance because a header states them; it grows for more."""
