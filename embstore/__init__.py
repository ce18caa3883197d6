"""embstore: pretrained embeddings in one memory-mapped safetensors file.

>>> glove = embstore.open("glove.6B.50d.safetensors")
>>> glove.stoi["the"], glove["the"].shape
(0, (50,))
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from embstore.converting import Report, convert, save
    from embstore.errors import (
        EmbstoreError,
        EmbstoreWarning,
        FormatError,
        MissingDependencyError,
        UnknownFormatError,
        UnknownTokenError,
        UnsupportedVersionError,
    )
    from embstore.opening import open  # noqa: A004
    from embstore.store import Store

__version__ = "0.1.0"
__all__ = [
    "EmbstoreError",
    "EmbstoreWarning",
    "FormatError",
    "MissingDependencyError",
    "Report",
    "Store",
    "UnknownFormatError",
    "UnknownTokenError",
    "UnsupportedVersionError",
    "__version__",
    "convert",
    "open",
    "save",
]

# Each name is imported when it is first used: `import embstore` loads no NumPy, torch or h5py.
_HOMES = {
    "converting": ("Report", "convert", "save"),  # not "convert": a submodule would hide the function
    "errors": tuple(name for name in __all__ if name.endswith(("Error", "Warning"))),
    "opening": ("open",),
    "store": ("Store",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'embstore' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"embstore.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
