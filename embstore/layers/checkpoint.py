"""What a layer over a store keeps in a checkpoint and in a pickle: the file's name and sha256, not its rows."""

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

    A copy only where the rows do not begin at a multiple of their item size, which torch's kernels rely on:
    files that other tools wrote may have that.
    """
    tensor = torch.from_numpy(np.require(rows, requirements="A"))
    return tensor.view(torch.bfloat16) if dtype == "bfloat16" else tensor


@dataclass(frozen=True)
class MappedRows:
    """The first rows of a store file, in a mapping that is nobody else's. Pickles as the path.

    Attributes
    ----------
    store
        Opened for these rows alone, so that writing to them changes no other view of the file.
    rows
        How many of its rows.
    sha256
        What the rows must have by the file's header. Raises FormatError where the file was replaced by another.
    """

    store: Store
    rows: int
    sha256: str | None

    def __post_init__(self) -> None:
        changed = self.store.metadata.get(SHA256) != self.sha256 or len(self.store) + self.store.special < self.rows
        if changed or not self.store.mapped:
            reason = "holds another table than when it was first opened: it was replaced; open it again"
            raise FormatError(self.store.path or "", reason, format="store")

    def __reduce__(self) -> tuple[Any, ...]:
        return MappedRows, (self.store, self.rows, self.sha256)

    def tensor(self) -> torch.Tensor:
        """View the rows: (rows, dim), copy-on-write."""
        return as_tensor(self._array()[: self.rows], self.store.dtype)

    def _array(self) -> NDArray[Any]:
        return cast("NDArray[Any]", self.store.mapped_rows())  # not None, as was checked when this was made

    def unchanged(self, weight: torch.Tensor) -> bool:
        """Whether a parameter is still a frozen view of these rows that nothing was written to."""
        return (
            weight.data_ptr() == self._array().ctypes.data
            and not weight.requires_grad
            and not weight.is_inference()
            and weight._version == 0
        )


class StoreBacked(torch.nn.Module):
    """A layer whose `weight` may be a store's: how it pickles, and what its state_dict holds.

    A frozen layer over a map pickles, and is copied by `deepcopy`, as the path of its store: each process maps the
    file and none copies it. That is so until the weight is written to; a write through ``weight.data`` is one
    that torch does not record, so write under `torch.no_grad()`.

    Attributes
    ----------
    mapped
        The rows that the weight was made a view of, for a frozen layer over a mapped store; else None.
    reference
        What the state_dict holds instead of the weight, by ``from_pretrained(..., persistent=False)``; else None.
    """

    mapped: MappedRows | None = None
    reference: dict[str, str] | None = None

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        if self.mapped is not None and self.mapped.unchanged(self._parameters["weight"]):  # type: ignore[arg-type]
            state["_parameters"] = {**self._parameters, "weight": None}
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        if self.mapped is not None and self._parameters["weight"] is None:
            self._parameters["weight"] = torch.nn.Parameter(self.mapped.tensor(), requires_grad=False)

    def get_extra_state(self) -> dict[str, str] | None:
        """Return what stands for the weight in a checkpoint: strings, which ``weights_only=True`` loads."""
        return self.reference

    def set_extra_state(self, state: object) -> None:
        """Check that a checkpoint was made over the table at hand; raises EmbstoreError otherwise."""
        found = state if isinstance(state, dict) else {}
        if self.reference is None:
            raise EmbstoreError(
                f"the checkpoint refers to the store {found.get('store')} and leaves its rows out, but this layer has"
                " rows of its own: make it with from_pretrained(..., persistent=False)"
            )
        for key, here in self.reference.items():
            if key != "store" and found.get(key) != here:
                raise EmbstoreError(
                    f"the checkpoint was made over the store {found.get('store')} with {key} {found.get(key)}, but this"
                    f" layer is over {self.reference['store']} with {key} {here}: make it as the checkpoint's was made"
                )

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        del destination[prefix + (EXTRA_STATE if self.reference is None else "weight")]

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        if self.reference is not None and prefix + "weight" in state_dict:
            error_msgs.append(
                f"the checkpoint holds the rows of {prefix}weight themselves, but this layer leaves them in the store"
                f" {self.reference['store']}: make it with from_pretrained(..., persistent=True)"
            )
            return
        super()._load_from_state_dict(
            state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )
        left_out = prefix + (EXTRA_STATE if self.reference is None else "weight")
        if left_out in missing_keys:
            missing_keys.remove(left_out)
