"""Where the rows of a layer come from: what checkpoints name in place of rows, and whether these were changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from embstore.core.dtypes import encode_rows
from embstore.core.errors import EmbstoreError, FormatError
from embstore.layers.mapped import SHA256, as_tensor, mapped_rows
from embstore.store.store import Store
from embstore.words.encoder import Encoder
from embstore.words.special_rows import special_rows

BLOCK = 8192  # rows copied or compared at a time
UNIT = 512  # the length of a reference is a multiple of it, as torch's loaders expect tensors of the same shape

Reference = dict[str, str]


@dataclass(frozen=True, slots=True)
class Origin:
    """Everything that determines the rows of a layer over a store file.

    Attributes
    ----------
    encoder
        Over the store; knows the policy and the padding.
    seed
        Of special rows that are drawn.
    dtype
        That the rows are converted to; None keeps theirs.
    """

    encoder: Encoder
    seed: int
    dtype: torch.dtype | None = None

    @property
    def store(self) -> Store:
        """The store of the rows. A layer's rows may be views of its mapping."""
        return cast("Store", self.encoder.vocabulary)

    def blocks(self, *, encoded: bool) -> Iterator[NDArray[Any]]:
        """Yield the rows in blocks, stored or decoded: the store's, then the special rows, made if it has none."""
        store, encoder = self.store, self.encoder
        count = encoder.num_embeddings if encoder.in_file else len(store)
        for start in range(0, count, BLOCK):
            yield store.block(start, min(start + BLOCK, count), encoded=encoded)
        if count < encoder.num_embeddings:
            special = special_rows(store, encoder.policy, encoder.padding, self.seed)
            yield encode_rows(special, store.dtype) if encoded else special

    def reference(self) -> Reference | None:
        """Return what a checkpoint contains in place of the rows; None if the store is no file with a checksum."""
        store, encoder = self.store, self.encoder
        if store.path is None or SHA256 not in store.metadata:
            return None
        special = "in the file" if encoder.in_file else f"padding={encoder.padding}, seed={self.seed}"
        return {
            "store": store.path.name,
            "sha256": store.metadata[SHA256],
            "oov": str(encoder.policy),
            "special": special if encoder.special else "none",
        }

    def made(self, weight: torch.Tensor) -> bool:
        """Whether a weight still has the rows that a layer of this origin begins with, in whatever dtype.

        A weight without data (``meta``) does; one that cannot be compared (sharded, say) or whose store was replaced
        does not.
        """
        if weight.is_meta:
            return True
        if type(weight) not in (torch.Tensor, torch.nn.Parameter):
            return False
        mapped = mapped_rows(weight)
        if mapped is not None and mapped.viewed_by(weight):
            again = mapped.again()
            return again is not None and mapped.same_bytes(again)
        try:
            return self._again()._equals(weight.detach())
        except (OSError, FormatError):
            return False

    def restore(self, weight: torch.Tensor) -> None:
        """Copy the rows that a layer of this origin begins with into its weight, unless it has them.

        Raises FormatError or OSError if the store was replaced or is gone; a mapped weight then stays as it is.
        """
        mapped = mapped_rows(weight)
        gone = mapped is not None and mapped.viewed_by(weight) and mapped.again() is None
        if gone or type(weight) not in (torch.Tensor, torch.nn.Parameter) or self.made(weight):
            return
        start = 0
        for rows in self._again()._converted(weight.is_floating_point()):
            weight.detach()[start : start + len(rows)].copy_(rows)
            start += len(rows)

    def _again(self) -> Origin:
        """Return the origin over a new mapping, which no layer has written to."""
        encoder = self.encoder
        return Origin(Encoder(self.store.open_again(), encoder.policy, padding=encoder.padding), self.seed, self.dtype)

    def _converted(self, floating: bool) -> Iterator[torch.Tensor]:
        """Yield the rows of the layer in blocks; those of an ``int8`` store decoded if they are to be floating."""
        encoded = not (self.store.dtype == "int8" and floating)
        for block in self.blocks(encoded=encoded):
            yield as_tensor(np.array(block), self.store.dtype if encoded else "float32").to(self.dtype)

    def _equals(self, weight: torch.Tensor) -> bool:
        start = 0
        for rows in self._converted(weight.is_floating_point()):
            found = weight[start : start + len(rows)]
            if found.shape != rows.shape or not _same_bits(found, rows.to(found.device, found.dtype)):
                return False
            start += len(rows)
        return start == len(weight)


def encoded_reference(reference: Reference) -> torch.Tensor:
    """Return a reference as a tensor, since many programs save and load tensors only: JSON text in UTF-8, padded.

    Returns
    -------
    uint8 of shape (n,) on the CPU, even under another default device, with n a multiple of 512.
    """
    text = json.dumps(reference).encode()
    return torch.from_numpy(np.frombuffer(text.ljust(-len(text) // UNIT * -UNIT), np.uint8).copy())


def decoded_reference(tensor: torch.Tensor) -> Reference:
    """Return the reference that `encoded_reference` encoded; EmbstoreError for any other tensor."""
    try:
        found = json.loads(bytes(tensor.to("cpu", torch.uint8).numpy()))
    except (ValueError, TypeError, RuntimeError, RecursionError):
        found = None
    if not isinstance(found, dict) or not all(isinstance(text, str) for text in found.values()):
        raise EmbstoreError("the checkpoint's store_reference is no reference to a store: it is damaged")
    return found


def _same_bits(left: torch.Tensor, right: torch.Tensor) -> bool:
    """Compare bits, as NaN equals NaN then."""
    return torch.equal(left.contiguous().view(torch.uint8), right.contiguous().view(torch.uint8))
