"""embstore: pretrained embeddings in one memory-mapped safetensors file.

>>> glove = embstore.open("glove.6B.50d.safetensors")
>>> glove.stoi["the"], glove["the"].shape
(0, (50,))
"""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING

from embstore.core.version import VERSION as __version__  # noqa: N811

if TYPE_CHECKING:
    from embstore.core.errors import (
        EmbstoreError,
        EmbstoreWarning,
        FormatError,
        MissingDependencyError,
        UnknownFormatError,
        UnknownTokenError,
        UnsupportedVersionError,
    )
    from embstore.layers import Embedding, EmbeddingBag, Tables, keep_mapped
    from embstore.ops.compare import compare
    from embstore.ops.convert import convert
    from embstore.ops.coverage import Coverage, coverage
    from embstore.ops.difference import Difference
    from embstore.ops.merge import concat, merge
    from embstore.ops.open import open  # noqa: A004
    from embstore.ops.report import Report
    from embstore.ops.save import save
    from embstore.store.store import Store
    from embstore.words.encoded import Bags, WeightedIds
    from embstore.words.encoder import Encoder
    from embstore.words.policy import Policy
    from embstore.words.vocabulary import Vocabulary

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
    "WeightedIds",
    "__version__",
    "compare",
    "concat",
    "convert",
    "coverage",
    "keep_mapped",
    "merge",
    "open",
    "save",
]


def __getattr__(name: str) -> object:
    """Import a public name on first use, so that ``import embstore`` does not load NumPy, torch or h5py."""
    value: object = getattr(_home_of(name), name)
    globals()[name] = value
    return value


def _home_of(name: str) -> ModuleType:  # noqa: C901
    """Import the module that defines a public name."""
    home: ModuleType
    match name:
        case "Embedding" | "EmbeddingBag" | "Tables" | "keep_mapped":
            from embstore import layers as home
        case "Store":
            from embstore.store import store as home
        case "Bags" | "WeightedIds":
            from embstore.words import encoded as home
        case "Encoder":
            from embstore.words import encoder as home
        case "Policy":
            from embstore.words import policy as home
        case "Vocabulary":
            from embstore.words import vocabulary as home
        case "compare":
            from embstore.ops import compare as home
        case "Difference":
            from embstore.ops import difference as home
        case "Coverage" | "coverage":
            from embstore.ops import coverage as home
        case "Report":
            from embstore.ops import report as home
        case "concat" | "merge":
            from embstore.ops import merge as home
        case "convert":
            from embstore.ops import convert as home
        case "open":
            from embstore.ops import open as home
        case "save":
            from embstore.ops import save as home
        case _ if name in __all__:
            from embstore.core import errors as home
        case _:
            raise AttributeError(f"module 'embstore' has no attribute {name!r}")
    return home


def __dir__() -> list[str]:
    return sorted(__all__)
