"""The common base of `Embedding` and `EmbeddingBag`."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import ClassVar, Self, cast

import numpy as np
import torch
from numpy.typing import NDArray

from embstore.core.errors import EmbstoreError, EmbstoreWarning
from embstore.core.int8 import TAIL
from embstore.core.options import Dtype
from embstore.layers.checkpoint import StoreBacked
from embstore.layers.mapped import mapped_parameter
from embstore.layers.origin import Origin
from embstore.layers.rowwise import is_rowwise
from embstore.layers.saving import save_layer
from embstore.layers.weights import LayerTable
from embstore.words.encoder import Encoder


class WordLayer(StoreBacked):
    """A layer that encodes words.

    Attributes
    ----------
    encoder
        Encodes words as rows, without torch, for data loaders; None if the rows have no words.
    out_dtype
        Dtype that the result is cast to; None keeps the dtype of the rows.
    rowwise
        Whether `weight` has int8 rows. An attribute, as torch's tracers know no dtypes.
    """

    encoder: Encoder | None = None
    out_dtype: torch.dtype | None = None
    rowwise: bool = False
    _rows_made = False  # by from_pretrained or from_vocabulary; TorchScript does not read it without an annotation

    # For torch.jit.script: what forward decides by, and what it does not use.
    __constants__: ClassVar[list[str]] = ["rowwise", "out_dtype"]
    __jit_ignored_attributes__: ClassVar[list[str]] = ["encoder", "origin"]
    __jit_unused_properties__: ClassVar[list[str]] = ["mapped", "qconfig", "reference"]

    @classmethod
    def _from_table(
        cls,
        table: LayerTable,
        *,
        dtype: torch.dtype | None,
        device: torch.device | str | None,
        out_dtype: torch.dtype | None,
        persistent: bool = True,
        **options: object,
    ) -> Self:
        """Create the layer with torch's own `from_pretrained`, which gets the options."""
        weight = table.weight.to(device, dtype)
        rowwise = is_rowwise(weight)  # torch's constructor requires floating rows: pass zeros that take no memory
        rows = torch.zeros(1, 1).expand(len(weight), weight.shape[1] - TAIL) if rowwise else weight
        layer: Self = super().from_pretrained(rows, **options)  # type: ignore[misc]
        if table.mapped is not None and table.mapped.viewed_by(weight):
            parameter = mapped_parameter(table.mapped, in_files=not persistent)
        else:
            parameter = torch.nn.Parameter(weight, requires_grad=not options["freeze"])
        _keep_rows(layer, parameter)
        layer.encoder, layer.out_dtype, layer.rowwise = table.encoder, out_dtype, rowwise
        if not persistent:
            layer._refer_to(_existing_origin(table.origin))
        return layer

    def save(self, path: str | Path, *, dtype: Dtype | torch.dtype | None = None, overwrite: bool = False) -> None:
        """Write this layer as a store: its words, its rows as they are now, the special rows and their policy.

        ``from_pretrained(path)`` then gives the same results, to the bit, for known and unknown words, with
        ``padding=True`` if this layer has padding. Ids stay as they are. What is not part of a store is given to
        `from_pretrained` again: `mode`, `include_last_offset`, `out_dtype`, `max_norm` and other options of torch.
        The file says what the rows started from: name and checksum of that store, with the format ``layer``.

        Parameters
        ----------
        path
            The file to write. It appears only when it is complete; it may be the file that the layer was made from,
            which other processes that have it open keep as it was.
        dtype
            Dtype to store the rows as, by name or as torch's; needed for rows of a dtype that a store does not have,
            such as float64. None keeps the dtype; ``int8`` rows are then copied, not rounded again.
        overwrite
            Replace the file if it exists.

        Raises
        ------
        EmbstoreError
            If the rows have no words or the vocabulary is empty, or their dtype needs `dtype`.
        ValueError
            If the policy has functions among its back-offs, which no file can contain.
        FileExistsError
            If `path` exists and `overwrite` is False.

        Warns
        -----
        EmbstoreWarning
            For rows with NaN or infinities, and for values beyond `dtype`.

        Notes
        -----
        Rows are copied in blocks, from any device. A weight that is computed, by pruning or a parametrization, is
        saved as the next call would use it.

        Examples
        --------
        >>> import torch
        >>> emb = embstore.Embedding.from_pretrained("glove.6B.50d.safetensors", oov="lower,zero", freeze=False)
        >>> optimizer = torch.optim.SGD(emb.parameters(), lr=0.1)
        >>> emb(emb.encode(["frog", "qzxv"])).sum().backward()
        >>> optimizer.step()
        >>> emb.save("trained.safetensors")
        >>> again = embstore.Embedding.from_pretrained("trained.safetensors")
        >>> words = ["The", "frog", "qzxv"]
        >>> torch.equal(again(again.encode(words)), emb(emb.encode(words)))
        True
        >>> embstore.open("trained.safetensors").metadata["embstore.source.name"]
        'glove.6B.50d.safetensors'
        """
        save_layer(self, self._existing_encoder(), path, dtype, overwrite=overwrite)

    def __setstate__(self, state: dict[str, object]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        weight = self._parameters.get("weight")
        if self._rows_made and weight is not None:  # copy.deepcopy leaves out the attributes of parameters
            weight._is_hf_initialized = True  # type: ignore[attr-defined]

    @property
    def qconfig(self) -> object:
        """What `torch.ao.quantization` sets on modules that it is to quantize.

        It swaps modules whose type is exactly torch's, so it leaves embstore layers as they are. EmbstoreWarning says
        so where one is chosen by its name, by its own type or with its parents; a choice by torch's types, such as
        ``{torch.nn.EmbeddingBag: qconfig}``, passes it over as it does other subclasses.

        Examples
        --------
        >>> import torch, warnings
        >>> model = torch.nn.Sequential(embstore.EmbeddingBag.from_pretrained(np.eye(3, dtype="f4")))
        >>> with warnings.catch_warnings(record=True) as caught:
        ...     model[0].qconfig = torch.ao.quantization.float_qparams_weight_only_qconfig
        >>> print(caught[0].message)
        EmbeddingBag(3, 3, mode='mean') stays as it is under torch.ao.quantization: for 8-bit rows, make it over ...
        """
        try:
            return self.__dict__["qconfig"]
        except KeyError:
            raise AttributeError("qconfig") from None

    @qconfig.setter
    def qconfig(self, value: object) -> None:
        self.__dict__["qconfig"] = value
        if value is not None and not self.rowwise:
            warnings.warn(
                f"{self} stays as it is under torch.ao.quantization: for 8-bit rows, make it over a store that was"
                " converted with dtype='int8'",
                EmbstoreWarning,
                stacklevel=2,
            )

    @qconfig.deleter
    def qconfig(self) -> None:
        self.__dict__.pop("qconfig", None)

    def _existing_encoder(self) -> Encoder:
        if self.encoder is None:
            raise EmbstoreError("the rows of this layer have no words: use from_pretrained(array, tokens=words)")
        return self.encoder

    def _as_weights(self, weights: NDArray[np.float32]) -> torch.Tensor:
        made = torch.from_numpy(weights)
        return made if self.rowwise else made.to(cast("torch.Tensor", self.weight).dtype)

    def _check_input(self, given: object) -> None:
        """Raise TypeError for words, which are not ids; whatever torch treats as a tensor passes, as torch.fx needs."""
        if not isinstance(given, torch.Tensor) and not hasattr(given, "__torch_function__"):
            raise TypeError(
                f"the input of {type(self).__name__} is a tensor of ids, not {type(given).__name__}: words go through "
                f"encode, as in {self._call()}"
            )

    def _call(self) -> str:
        several = self.encoder is not None and self.encoder.policy.ending.several_ids
        return "layer(*layer.encode(words))" if several else "layer(layer.encode(words))"

    def _cast(self, vectors: torch.Tensor) -> torch.Tensor:
        return vectors if self.out_dtype is None else vectors.to(self.out_dtype)


def _keep_rows(layer: torch.nn.Module, parameter: torch.nn.Parameter) -> None:
    """Make a parameter the weight of a layer so that programs which initialize models leave its rows alone.

    It does not go through ``layer.weight =``, where `accelerate.init_empty_weights` would take its data away.
    Parameters with the flag are left out when transformers initializes a model.
    """
    parameter._is_hf_initialized = layer._rows_made = True  # type: ignore[attr-defined, assignment]
    layer._parameters["weight"] = parameter


def _existing_origin(origin: Origin | None) -> Origin:
    if origin is None or origin.reference() is None:
        raise EmbstoreError(
            "persistent=False needs rows from a store file with a checksum: write one with embstore.convert or"
            " embstore.save, and open that"
        )
    return origin
