"""State_dicts of layers over a store: with ``persistent=False`` they name the store in place of the rows."""

from __future__ import annotations

import torch

from embstore.core.errors import EmbstoreError
from embstore.layers.mapped import MappedRows, mapped_rows
from embstore.layers.origin import Origin, Reference, decoded_reference, encoded_reference

KEY = "store_reference"


class StoreBacked(torch.nn.Module):
    """Base of layers whose rows may come from a store.

    A frozen layer over a mapped store is pickled, and copied by `copy.deepcopy`, as the path of the store: each process
    maps the file and none copies it. Rows that were written to, in whatever way, are pickled themselves. Files of
    `torch.save` contain the rows, unless the layer was made with ``persistent=False``.

    Attributes
    ----------
    origin
        What the rows were made from, for ``from_pretrained(..., persistent=False)``: its reference is in the state_dict
        in place of the rows. None if the state_dict has the rows.
    """

    origin: Origin | None = None

    @property
    def mapped(self) -> MappedRows | None:
        """The rows of a store file that `weight` was made over; None if they were copied, or may be trained."""
        return mapped_rows(self._parameters.get("weight"))

    @property
    def reference(self) -> Reference | None:
        """What the state_dict contains in place of the rows, under the key ``store_reference``; else None.

        The name and sha256 of the store, the policy and the special rows.

        Examples
        --------
        >>> emb = embstore.Embedding.from_pretrained("glove.6B.50d.safetensors", persistent=False)
        >>> emb.reference
        {'store': 'glove.6B.50d.safetensors', 'sha256': '...', 'oov': 'error', 'special': 'none'}
        >>> emb.state_dict().keys()
        odict_keys(['store_reference'])
        >>> emb.load_state_dict(emb.state_dict())
        <All keys matched successfully>
        >>> other = embstore.Embedding.from_pretrained("glove.6B.50d.safetensors", oov="zero", persistent=False)
        >>> try:
        ...     other.load_state_dict(emb.state_dict())
        ... except embstore.EmbstoreError as error:
        ...     print(error)
        the checkpoint was made with ... oov error, but this layer has ... oov zero: ...
        """
        return None if self.origin is None else self.origin.reference()

    def _refer_to(self, origin: Origin) -> None:
        """Leave the rows out of the state_dict, which then has a reference to their store."""
        self.origin = origin
        # A buffer, as many programs save and load only what named_parameters and named_buffers list.
        self.register_buffer(KEY, encoded_reference(origin.reference() or {}))

    def _save_to_state_dict(self, destination: dict[str, object], prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        if self.origin is None:
            return
        reference = self._buffers.get(KEY)
        if reference is not None:  # a copy, as some programs load a checkpoint into the tensors of a state_dict
            destination[prefix + KEY] = reference.clone()
        weight = self._parameters.get("weight")
        if weight is not None and self.origin.made(weight):
            del destination[prefix + "weight"]

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
        found = state_dict.get(prefix + KEY)
        if isinstance(found, torch.Tensor) and not found.is_meta:
            self._check_reference(decoded_reference(found))
        if self.origin is not None:
            state_dict = self._with_reference(state_dict, prefix, error_msgs)
        super()._load_from_state_dict(
            state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )
        if self.origin is not None and prefix + "weight" in missing_keys:
            missing_keys.remove(prefix + "weight")

    def _check_reference(self, found: Reference) -> None:
        """Raise EmbstoreError if a checkpoint was made with another table."""
        reference = self.reference
        if reference is None:
            raise EmbstoreError(
                f"the checkpoint contains no rows but refers to the store {found.get('store')}, and this layer expects"
                " rows: create it with from_pretrained(..., persistent=False)"
            )
        for key, expected in reference.items():
            if key != "store" and found.get(key) != expected:
                raise EmbstoreError(
                    f"the checkpoint was made with the store {found.get('store')}, {key} {found.get(key)}, but this"
                    f" layer has {reference['store']}, {key} {expected}: create it with the checkpoint's store and"
                    " options"
                )

    def _with_reference(self, state_dict: dict[str, object], prefix: str, error_msgs: list[str]) -> dict[str, object]:
        """Return a state_dict with this layer's own reference, and with rows only if they are to be loaded."""
        state_dict = dict(state_dict)
        refers, rows = prefix + KEY in state_dict, state_dict.get(prefix + "weight")
        if refers:  # it was compared; the store's name, and so its length, may differ
            state_dict[prefix + KEY] = self._buffers[KEY]
        if isinstance(rows, torch.Tensor) and (not refers or self._has(rows)):
            del state_dict[prefix + "weight"]
            if not self._has(rows):
                error_msgs.append(
                    f"the checkpoint contains the rows of {prefix}weight, but this layer refers to the store"
                    f" {(self.reference or {}).get('store')} for them: create it with"
                    " from_pretrained(..., persistent=True)"
                )
        return state_dict

    def _has(self, rows: torch.Tensor) -> bool:
        """Whether rows to load are the layer's own, which some programs put into the state_dict: nothing to copy."""
        weight = self._parameters.get("weight")
        return weight is not None and (
            rows is weight
            or (rows.data_ptr() != 0 and rows.data_ptr() == weight.data_ptr() and rows.shape == weight.shape)
        )
