"""Warnings that point to the line of the user's program that called embstore."""

from __future__ import annotations

import sys
import warnings

from embstore.core.errors import EmbstoreWarning


def warn_user(message: str) -> None:
    """Give an `EmbstoreWarning` for the innermost frame outside embstore, however deep the call is inside it."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).partition(".")[0] == "embstore":
        level, frame = level + 1, frame.f_back
    warnings.warn(message, EmbstoreWarning, stacklevel=level)
