"""Writes a layer as a store: its words, the rows as they are now, and the special rows with their policy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from embstore.core import int8
from embstore.core.batch import Batch, Bytes, Findings, Source, Vectors
from embstore.core.dtypes import columns_of, encode_rows
from embstore.core.errors import EmbstoreError
from embstore.core.options import Dtype, check_dtype
from embstore.files.atomic import check_target
from embstore.ops.matrices import is_spread, numbers_of
from embstore.ops.save import write_rows
from embstore.ops.selection import NONFINITE, rounded
from embstore.store.rows import ArrayRows, DecodedRows
from embstore.store.source import provenance_of
from embstore.store.store import Store
from embstore.words.encoder import Encoder
from embstore.words.policy import Policy
from embstore.words.special_rows import SpecialRows, policy_for_file

BLOCK = 1 << 20  # bytes of rows that are copied at a time
FORMAT = "layer"
DTYPES: dict[torch.dtype, Dtype] = {
    torch.float32: "float32",
    torch.float16: "float16",
    torch.bfloat16: "bfloat16",
    torch.uint8: "int8",
}
"""The dtypes of weights that a store has too."""


def save_layer(
    layer: torch.nn.Module, encoder: Encoder, path: str | Path, dtype: Dtype | torch.dtype | None, *, overwrite: bool
) -> None:
    """Write a layer as a store: see `WordLayer.save`."""
    name = str(dtype).removeprefix("torch.") if isinstance(dtype, torch.dtype) else dtype
    check_dtype(name)
    check_target(path, overwrite=overwrite)
    policy = cast("Policy", policy_for_file(encoder.policy))
    if not len(encoder.vocabulary):
        raise EmbstoreError(
            "the vocabulary of this layer is empty, and a store has one word at least: keep the rows of a layer that"
            " hashes all words by torch.save(layer.state_dict(), path)"
        )
    weight = _weight_of(layer)
    own = DTYPES.get(weight.dtype)
    if own is None and name is None:
        wanted = ", ".join(map(repr, get_args(Dtype)))
        kind = str(weight.dtype).removeprefix("torch.")
        raise EmbstoreError(f"the rows are {kind}, which a store cannot hold: dtype='float32' rounds them ({wanted})")
    source = _Rows(weight, encoder, own or "float32", cast("Dtype", name or own)).source(policy)
    write_rows(path, rounded(source, cast("Dtype | None", name), source.findings), overwrite=overwrite)


def _weight_of(layer: torch.nn.Module) -> torch.Tensor:
    """Return the weight that the next call of the layer would use.

    Pruning and the older weight_norm of torch compute it from other parameters before each call.
    """
    if layer._parameters.get("weight") is None:
        for hook in layer._forward_pre_hooks.values():
            if type(hook).__module__.startswith("torch.nn.utils."):
                hook(layer, ())
    weight = getattr(layer, "weight", None)
    if weight is None:
        raise EmbstoreError("this layer has no weight, which was removed from it: there are no rows to save")
    if weight.is_meta:
        raise EmbstoreError("the rows of this layer are on the meta device, which has no data: load them first")
    if is_spread(weight):
        raise EmbstoreError(
            "the rows of this layer are spread over processes: gather them on every rank, layer.weight ="
            " torch.nn.Parameter(layer.weight.full_tensor()), and save the layer on one"
        )
    return cast("torch.Tensor", weight.detach())


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of a layer.

    Attributes
    ----------
    weight
        (num_embeddings, columns), on any device.
    encoder
        Has the words.
    own
        Dtype of the rows in a store, before they are converted.
    target
        The dtype that they are written in.
    """

    weight: torch.Tensor
    encoder: Encoder
    own: Dtype
    target: Dtype

    def source(self, policy: Policy) -> Source:
        """Return the rows, words and policy as the writer of stores takes them."""
        vocabulary, special = self.encoder.vocabulary, self._special_rows()
        shape = (self.encoder.num_embeddings, *self.weight.shape[1:])
        dim = self.weight.shape[-1] - columns_of(0, self.own)
        if self.weight.ndim != 2 or self.weight.shape != shape or dim < 1:
            raise EmbstoreError(
                f"the weight has the shape {tuple(self.weight.shape)}, expected ({shape[0]}, dim), a row for each of"
                f" {len(vocabulary)} words and {self.encoder.special} special rows"
            )
        source = Source(
            dim=dim, batches=self._batches(), dtype=self.own, rows=len(vocabulary), provenance=self._provenance
        )
        if special.rows or policy != Policy():
            source.policy = {"oov": str(policy), **({"padding": "1"} if special.padding else {})}
            stated = {key: vocabulary.metadata.get(f"embstore.{key}") for key in policy.ending.header_keys}
            source.policy |= {key: text for key, text in stated.items() if text is not None}
        if special.rows:
            source.special = lambda _: self._special_blocks(special.rows, source.findings)
        return source

    def _special_rows(self) -> SpecialRows:
        """Return the special rows to write: those of the layer, at the same ids, which the policy explains.

        A store may have rows of another ending, which words cannot reach; they come last, and are left out.
        """
        policy, vocabulary, padding = self.encoder.policy, self.encoder.vocabulary, self.encoder.padding
        if self.encoder.in_file:
            stored = SpecialRows.of_table(vocabulary.metadata, vocabulary.special)
            padding = stored is not None and stored.padding
        return SpecialRows(padding, policy.ending)

    def _batches(self) -> Iterator[Batch]:
        vocabulary = self.encoder.vocabulary
        counts = vocabulary.counts if isinstance(vocabulary, Store) else None
        for start, stop in self._steps(0, len(vocabulary)):
            vectors, codes = self._block(start, stop)
            seen = None if counts is None else np.array(counts[start:stop], np.int64)
            yield Batch(vocabulary.vocab.tokens(start, stop), vectors, codes, seen)

    def _special_blocks(self, rows: int, findings: Findings) -> Iterator[NDArray[Any]]:
        first = len(self.encoder.vocabulary)
        for start, stop in self._steps(first, first + rows):
            vectors, codes = self._block(start, stop)
            if codes is not None and self.target == "int8":
                yield codes
                continue
            _check_special(vectors, self.target, start - first, findings)
            yield vectors

    def _steps(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        step = max(1, BLOCK // (self.weight.shape[1] * self.weight.element_size()))
        return ((begin, min(begin + step, stop)) for begin in range(start, stop, step))

    def _block(self, start: int, stop: int) -> tuple[Vectors, Bytes | None]:
        """Return the vectors of some rows, and their codes if they are int8 rows."""
        rows = numbers_of(self.weight[start:stop])
        return (_decoded(rows, "int8"), rows) if self.own == "int8" else (rows, None)

    def _provenance(self) -> dict[str, str]:
        """Return the name and checksum of the table that the rows started from, if it is known."""
        vocabulary = self.encoder.vocabulary
        started = provenance_of(vocabulary) if isinstance(vocabulary, Store) else {"name": "memory"}
        return {**started, "format": FORMAT}


def _check_special(vectors: Vectors, target: Dtype, first: int, findings: Findings) -> None:
    """Count special rows that are not finite when rounded; raise EmbstoreError for those that int8 cannot store."""
    if target == "int8":
        refused = int8.not_quantizable(vectors)
        if len(refused):
            raise int8.not_quantizable_error(f"special row {first + refused[0]}")
        return
    values = _decoded(encode_rows(vectors, target), target)
    nonfinite = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(nonfinite):
        findings.add(NONFINITE, f"special row {first + nonfinite[0]}", len(nonfinite))


def _decoded(rows: NDArray[Any], dtype: Dtype) -> Vectors:
    return DecodedRows(ArrayRows(rows, dtype), len(rows)).block(0, len(rows))
