"""Packages that only some formats need: an import that fails names the command that installs the package."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from embstore.core.errors import MissingDependencyError


@contextlib.contextmanager
def needed(package: str, feature: str) -> Iterator[None]:
    """Raise MissingDependencyError if the package, which the block imports, cannot be imported.

    Parameters
    ----------
    package
        Its name for import and for pip.
    feature
        What needs it, for the message.
    """
    try:
        yield
    except ImportError as error:
        is_missing = isinstance(error, ModuleNotFoundError) and error.name == package
        raise MissingDependencyError(package, feature, "" if is_missing else str(error)) from None
