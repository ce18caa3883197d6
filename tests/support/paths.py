"""Places in the checkout."""

from __future__ import annotations

from pathlib import Path

TESTS = Path(__file__).parents[1]
ROOT = TESTS.parent
FORMATS = ROOT / "formats"
EXAMPLES = ROOT / "examples"
SAMPLE = FORMATS / "glove" / "valid" / "glove.6B.50d.sample.txt"
