"""embstore: pretrained embeddings in one memory-mapped safetensors file.

>>> glove = embstore.open("glove.6B.50d.safetensors")
>>> glove.stoi["the"], glove["the"].shape
(0, (50,))
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from embstore.comparing import Difference, compare
    from embstore.converting import convert
    from embstore.covering import Coverage, coverage
    from embstore.encoder import Bags, Encoder
    from embstore.errors import (
        EmbstoreError,
        EmbstoreWarning,
        FormatError,
        MissingDependencyError,
        UnknownFormatError,
        UnknownTokenError,
        UnsupportedVersionError,
    )
    from embstore.layers import Embedding, EmbeddingBag, Tables
    from embstore.merging import concat, merge
    from embstore.oov import Policy
    from embstore.opening import open  # noqa: A004
    from embstore.report import Report
    from embstore.saving import save
    from embstore.store import Store
    from embstore.vocabulary import Vocabulary

__version__ = "0.1.0"
__all__ = [
    "Bags",
    "Coverage",
    "Difference",
    "Embedding",
    "EmbeddingBag",
    "EmbstoreError",
    "EmbstoreWarning",
    "Encoder",
    "FormatError",
    "MissingDependencyError",
    "Policy",
    "Report",
    "Store",
    "Tables",
    "UnknownFormatError",
    "UnknownTokenError",
    "UnsupportedVersionError",
    "Vocabulary",
    "__version__",
    "compare",
    "concat",
    "convert",
    "coverage",
    "merge",
    "open",
    "save",
]

# Each name is imported when it is first used: `import embstore` loads no NumPy, torch or h5py.
# No module is called like a name here: importing it would put the module in the name's place.
_HOMES = {
    "comparing": ("Difference", "compare"),
    "converting": ("convert",),
    "covering": ("Coverage", "coverage"),
    "encoder": ("Bags", "Encoder"),
    "errors": tuple(name for name in __all__ if name.endswith(("Error", "Warning"))),
    "layers": ("Embedding", "EmbeddingBag", "Tables"),
    "merging": ("concat", "merge"),
    "oov": ("Policy",),
    "opening": ("open",),
    "report": ("Report",),
    "saving": ("save",),
    "store": ("Store",),
    "vocabulary": ("Vocabulary",),
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
