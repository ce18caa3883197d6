"""State_dicts of layers over a store: with ``persistent=False`` they name the store in place of the rows."""

from __future__ import annotations

import torch

from embstore.core.errors import EmbstoreError
from embstore.layers.mapped import MappedRows, mapped_rows
from embstore.layers.origin import Origin, Reference, decoded_reference, encoded_reference

KEY = "store_reference"
ROWS, INCLUDED = "rows", "in the checkpoint"  # in the reference of a checkpoint that has rows too, as they were changed


class StoreBacked(torch.nn.Module):
    """Base of layers whose rows may come from a store.

    A frozen layer over a mapped store is pickled, and copied by `copy.deepcopy`, as the path of the store: each process
    maps the file and none copies it. Rows that were written to, in whatever way, are pickled themselves. Files of
    `torch.save` contain the rows, unless the layer was made with ``persistent=False``.

    Models of transformers keep the rows when they are initialized, and when a checkpoint lacks them, which their report
    then does not list.

    Attributes
    ----------
    origin
        What the rows were made from, for ``from_pretrained(..., persistent=False)``: its reference is in the state_dict
        in place of the rows. None if the state_dict has the rows.
    """

    origin: Origin | None = None
    _compared: tuple[torch.Tensor | None] = (None,)  # the tensor of the reference, when it was last compared

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
        self._set_reference(encoded_reference(origin.reference() or {}))

    def _set_reference(self, tensor: torch.Tensor) -> None:
        tensor._is_hf_initialized = True  # type: ignore[attr-defined] # transformers then leaves the whole layer alone
        self.register_buffer(KEY, tensor)
        self._compared = (tensor,)

    def __setattr__(self, name: str, value: object) -> None:
        if name == KEY and self.origin is not None and isinstance(value, torch.Tensor):
            self._take_reference(value)
        else:
            super().__setattr__(name, value)  # type: ignore[arg-type]

    def _take_reference(self, tensor: torch.Tensor) -> None:
        """Compare the reference of a checkpoint that a program sets without `load_state_dict`, as transformers does.

        It flags the tensors that it read. Others are uninitialized: the checkpoint had none, as that of a model which
        this layer was added to.
        """
        if getattr(tensor, "_is_hf_initialized", False):
            self._compare(tensor)
        self._set_reference(encoded_reference(self.reference or {}).to(tensor.device))

    def _check_store(self) -> None:
        """Compare the reference if a program replaced it, as accelerate does, which writes to ``_buffers``."""
        if self.origin is None or torch.compiler.is_compiling():
            return
        tensor = self._buffers.get(KEY)
        if tensor is not self._compared[0]:
            if tensor is not None and not tensor.is_meta:
                self._compare(tensor)
            self._compared = (tensor,)

    def _compare(self, tensor: torch.Tensor) -> None:
        """Raise EmbstoreError for the reference of another table, or if rows of the checkpoint were not loaded."""
        found = decoded_reference(tensor)
        self._check_reference(found)
        weight = self._parameters.get("weight")
        if found.get(ROWS) == INCLUDED and self.origin is not None and weight is not None and self.origin.made(weight):
            raise _left_out("weight", found)

    def _save_to_state_dict(self, destination: dict[str, object], prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        buffer = self._buffers.get(KEY)
        if self.origin is None or buffer is None:
            return
        self._check_store()
        reference, weight = self.reference or {}, self._parameters.get("weight")
        if weight is not None:
            if self.origin.made(weight):
                del destination[prefix + "weight"]
            else:
                reference = {**reference, ROWS: INCLUDED}
        # not the buffer itself, as some programs load a checkpoint into the tensors of a state_dict
        destination[prefix + KEY] = encoded_reference(reference).to("cpu" if buffer.is_meta else buffer.device)

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
        tensor = state_dict.get(prefix + KEY)
        found = decoded_reference(tensor) if isinstance(tensor, torch.Tensor) and not tensor.is_meta else {}
        if found.get(ROWS) == INCLUDED and prefix + "weight" not in state_dict:
            raise _left_out(prefix + "weight", found)
        if self.origin is not None:
            if found:
                self._check_reference(found)
            state_dict = self._with_reference(state_dict, prefix, error_msgs)
        elif found.get(ROWS) == INCLUDED:  # the rows are all that this layer needs
            state_dict = {key: value for key, value in state_dict.items() if key != prefix + KEY}
        elif found:
            self._check_reference(found)
        super()._load_from_state_dict(
            state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )
        if self.origin is not None and prefix + "weight" in missing_keys:
            missing_keys.remove(prefix + "weight")
        weight = self._parameters.get("weight")
        if self.origin is not None and weight is not None and found and found.get(ROWS) != INCLUDED:
            self.origin.restore(weight)  # to_empty left it uninitialized, or it was written to

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
        buffer = self._buffers.get(KEY)
        if refers and buffer is not None:  # it was compared; the store's name, and so its length, may differ
            state_dict[prefix + KEY] = encoded_reference(self.reference or {}).to(buffer.device)
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


def _left_out(weight: str, found: Reference) -> EmbstoreError:
    return EmbstoreError(
        f"the checkpoint contains changed rows of the store {found.get('store')} as {weight}, and they were not loaded:"
        " create the layer with from_pretrained(..., persistent=True)"
    )
