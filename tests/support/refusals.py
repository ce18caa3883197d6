"""The messages of files that are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import embstore


def refusal(path: Path, **reading: Any) -> str:
    """Return the message of the FormatError that opening a file raises."""
    with pytest.raises(embstore.FormatError) as caught:
        embstore.open(path, **reading)
    return str(caught.value)


def short_refusal(path: Path, **reading: Any) -> str:
    """Return the same message with the name of the file's folder left out wherever it stands."""
    return refusal(path, **reading).replace(str(path.parent), "")
