"""Checkpoints and pickles of layers over a store contain the file's name and sha256, or its path, not its rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from embstore.core.errors import EmbstoreError, FormatError
from embstore.core.options import Dtype
from embstore.store.header import WEIGHT
from embstore.store.store import Store

SHA256 = f"embstore.sha256.{WEIGHT}"
EXTRA_STATE = "_extra_state"


def as_tensor(rows: NDArray[Any], dtype: Dtype) -> torch.Tensor:
    """View stored rows as a tensor, (rows, dim).

    Copies them only if they do not start at a multiple of their item size, which torch's kernels require: files that
    other tools wrote may be unaligned.
    """
    tensor = torch.from_numpy(np.require(rows, requirements="A"))
    return tensor.view(torch.bfloat16) if dtype == "bfloat16" else tensor


@dataclass(frozen=True)
class MappedRows:
    """The first rows of a store file in a private mapping. Pickles as the path.

    Attributes
    ----------
    store
        Opened for these rows only, so that writing to them changes no other view of the file.
    rows
        Number of rows.
    sha256
        The checksum of the rows that the file's header must state. FormatError if it differs, since the file was then
        replaced.
    """

    store: Store
    rows: int
    sha256: str | None

    def __post_init__(self) -> None:
        changed = self.store.metadata.get(SHA256) != self.sha256 or len(self.store) + self.store.special < self.rows
        if changed or not self.store.mapped:
            reason = "the file was replaced by another table since it was first opened: open it again"
            raise FormatError(self.store.path or "", reason, format="store")

    def __reduce__(self) -> tuple[object, ...]:
        return MappedRows, (self.store, self.rows, self.sha256)

    def tensor(self) -> torch.Tensor:
        """View the rows: (rows, dim), copy-on-write."""
        return as_tensor(self._array()[: self.rows], self.store.dtype)

    def _array(self) -> NDArray[Any]:
        return cast("NDArray[Any]", self.store.mapped_rows())  # not None: __post_init__ checked it

    def unchanged(self, weight: torch.Tensor) -> bool:
        """Whether a parameter is still a frozen view of these rows and was never written to."""
        return (
            weight.data_ptr() == self._array().ctypes.data
            and not weight.requires_grad
            and not weight.is_inference()
            and weight._version == 0
        )


class StoreBacked(torch.nn.Module):
    """Base of layers whose `weight` may be a view of a store: defines their pickles and state_dicts.

    A frozen layer over a mapped store is pickled, and copied by `deepcopy`, as the path of the store: each process
    maps the file and none copies it. Once the weight was written to, its rows are pickled instead. Torch does not
    record writes through ``weight.data``: write under `torch.no_grad()`.

    Attributes
    ----------
    mapped
        The rows that `weight` was created as a view of, for a frozen layer over a mapped store; else None.
    reference
        Content of the state_dict in place of the weight, for ``from_pretrained(..., persistent=False)``; else None.
    """

    mapped: MappedRows | None = None
    reference: dict[str, str] | None = None

    def __getstate__(self) -> dict[str, object]:
        state = self.__dict__.copy()
        if self.mapped is not None and self.mapped.unchanged(self._parameters["weight"]):  # type: ignore[arg-type]
            state["_parameters"] = {**self._parameters, "weight": None}
        return state

    def __setstate__(self, state: dict[str, object]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        if self.mapped is not None and self._parameters["weight"] is None:
            self._parameters["weight"] = torch.nn.Parameter(self.mapped.tensor(), requires_grad=False)

    def get_extra_state(self) -> dict[str, str] | None:
        """Return what a checkpoint contains in place of the weight; called by torch's ``state_dict()``.

        Returns
        -------
        Strings, which ``torch.load(..., weights_only=True)`` accepts. None with ``persistent=True``.

        Examples
        --------
        >>> emb = embstore.Embedding.from_pretrained("glove.6B.50d.safetensors", persistent=False)
        >>> emb.get_extra_state()
        {'store': 'glove.6B.50d.safetensors', 'sha256': '...', 'oov': 'error', 'special': 'none'}
        >>> list(emb.state_dict())
        ['_extra_state']
        """
        return self.reference

    def set_extra_state(self, state: object) -> None:
        """Check that a checkpoint was made with this layer's table; called by torch's ``load_state_dict()``.

        Raises
        ------
        EmbstoreError
            If it was made with another table or other special rows.

        Examples
        --------
        >>> emb = embstore.Embedding.from_pretrained("glove.6B.50d.safetensors", persistent=False)
        >>> emb.load_state_dict(emb.state_dict())
        <All keys matched successfully>
        >>> other = embstore.Embedding.from_pretrained("glove.6B.50d.safetensors", oov="zero", persistent=False)
        >>> try:
        ...     other.load_state_dict(emb.state_dict())
        ... except embstore.EmbstoreError as error:
        ...     print(error)
        the checkpoint was made with ... oov error, but this layer has ... oov zero: ...
        """
        found = state if isinstance(state, dict) else {}
        if self.reference is None:
            raise EmbstoreError(
                f"the checkpoint contains no rows but refers to the store {found.get('store')}, and this layer expects"
                " rows: create it with from_pretrained(..., persistent=False)"
            )
        for key, expected in self.reference.items():
            if key != "store" and found.get(key) != expected:
                raise EmbstoreError(
                    f"the checkpoint was made with the store {found.get('store')}, {key} {found.get(key)}, but this"
                    f" layer has {self.reference['store']}, {key} {expected}: create it with the checkpoint's store and"
                    " options"
                )

    def _save_to_state_dict(self, destination: dict[str, object], prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        del destination[prefix + (EXTRA_STATE if self.reference is None else "weight")]

    def _load_from_state_dict(
        self,
        state_dict: dict[str, object],
        prefix: str,
        local_metadata: dict[str, object],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        if self.reference is not None and prefix + "weight" in state_dict:
            error_msgs.append(
                f"the checkpoint contains the rows of {prefix}weight, but this layer refers to the store"
                f" {self.reference['store']} for them: create it with from_pretrained(..., persistent=True)"
            )
            return
        super()._load_from_state_dict(
            state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )
        left_out = prefix + (EXTRA_STATE if self.reference is None else "weight")
        if left_out in missing_keys:
            missing_keys.remove(left_out)
