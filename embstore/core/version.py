"""The version of this package; stated here only."""

VERSION = "0.1.0"
