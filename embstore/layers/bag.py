"""`EmbeddingBag`: a `torch.nn.EmbeddingBag` over a store, which also encodes ragged lists of words."""

# Annotations are no strings in this module: torch.fx writes those of forward into its graphs, and pickles them.

from collections.abc import Iterable, Sequence
from typing import Self, Unpack, cast

import torch
from numpy.typing import ArrayLike
from torch._jit_internal import is_scripting
from torch.nn import functional

from embstore.layers.base import WordLayer
from embstore.layers.initialized import VocabularyLike, initialized_table
from embstore.layers.options import DtypeLike, as_dtype, check_options, check_sizes, documented_as, named_options
from embstore.layers.rowwise import pool
from embstore.layers.sources import LayerReading, Pretrained
from embstore.layers.weights import LayerTable, open_table
from embstore.words.columns import WordBags
from embstore.words.encoded import Mode
from embstore.words.policy import OovLike
from embstore.words.several_ids import check_mode


class EmbeddingBag(WordLayer, torch.nn.EmbeddingBag):
    """A `torch.nn.EmbeddingBag` that also encodes words.

    Created by `from_pretrained` or `from_vocabulary`; ``EmbeddingBag(num_embeddings, embedding_dim)`` makes a layer
    without words, as `torch.nn.EmbeddingBag` does. Bags are ragged and need no padding; a `padding_idx` makes the layer
    several times slower. An empty bag gives zeros in every mode.

    Attributes
    ----------
    weight
        (num_embeddings, embedding_dim): the rows of the vocabulary, then the special rows of the policy. Over an
        ``int8`` store: uint8 of shape (num_embeddings, embedding_dim + 8), as in the file; the result is float32.
    encoder
        Encodes words as rows, without torch, for data loaders; None if the rows have no words. Its
        `encode_bags` has this layer's `mode` and `include_last_offset` as defaults.
    out_dtype
        Dtype that the result is cast to; None keeps the dtype of the rows. Bags of 16-bit rows are summed in float32
        and rounded once, before this cast.

    Examples
    --------
    >>> bag = embstore.EmbeddingBag.from_pretrained("glove.6B.50d.safetensors", mode="sum", oov="skip")
    >>> values, offsets = bag.encode([["toad", "snake", "qzxv", "frog"], ["king", "queen"], []])
    >>> values, offsets
    (tensor([26713,  9517, 12260,   691,  2060]), tensor([0, 3, 5]))
    >>> bag(values, offsets).shape
    torch.Size([3, 50])
    """

    weighs_means: bool = False  # whether the mean takes weights, as encode returns them: else as torch's, it does not

    @documented_as(torch.nn.EmbeddingBag.__init__)
    def __init__(self, *args: object, **options: object) -> None:
        check_sizes(type(self), args)
        super().__init__(*args, **options)  # type: ignore[arg-type]

    @classmethod
    @named_options
    def from_pretrained(  # type: ignore[override]
        cls,
        source: Pretrained,
        freeze: bool = True,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: Mode = "mean",
        sparse: bool = False,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        *,
        tokens: Sequence[str] | None = None,
        oov: OovLike = None,
        dtype: DtypeLike = None,
        device: torch.device | str | None = None,
        out_dtype: DtypeLike = None,
        persistent: bool = True,
        seed: int = 0,
        **reading: Unpack[LayerReading],
    ) -> Self:
        """Create a layer from a table of embeddings.

        Rows are copied or mapped as by `Embedding.from_pretrained`.

        Parameters
        ----------
        mode
            How to pool the vectors of a bag's words: ``mean``, ``sum`` or ``max``. For ``subword`` and ``hash:B:k`` the
            vector of an unknown word is the mean or the sum of several rows. Known and unknown words weigh alike: with
            ``subword`` the mean is that of fastText's `get_word_vector`. These two do not support ``max``.
        include_last_offset
            Whether `offsets`, as `encode` returns and the layer accepts them, end with the number of values.
        padding_idx
            A row of the table that counts as absent wherever it is in a bag, as for `torch.nn.EmbeddingBag`: for bags
            that are matrices padded with it, such as ``bag.encoder.encode(sentences)``. It is not trained.
        source, freeze, max_norm, norm_type, scale_grad_by_freq, sparse, tokens, oov, dtype, device, out_dtype
            As for `Embedding.from_pretrained`.
        persistent, seed, **reading
            As for `Embedding.from_pretrained`.

        Raises
        ------
        FormatError
            If the file cannot be read.
        EmbstoreError
            For options that exclude each other.
        TypeError
            For options that do not exist.
        ValueError
            For a `padding_idx` that is no row of the table.

        Notes
        -----
        The arguments up to `padding_idx` are those of `torch.nn.EmbeddingBag.from_pretrained`, in its order; `source`
        may be written as torch's ``embeddings=``.

        Examples
        --------
        >>> bag = embstore.EmbeddingBag.from_pretrained("glove.6B.50d.safetensors", mode="mean", oov="skip")
        >>> bag.weight.shape, bag.weight.requires_grad
        (torch.Size([400000, 50]), False)
        >>> bag(*bag.encode([["very", "good", "quality"], []])).shape
        torch.Size([2, 50])
        """
        check_options(
            freeze=freeze,
            max_norm=max_norm,
            persistent=persistent,
            scale_grad_by_freq=scale_grad_by_freq,
            sparse=sparse,
            include_last_offset=include_last_offset,
        )
        dtype, out_dtype = as_dtype("dtype", dtype), as_dtype("out_dtype", out_dtype)
        check_mode(mode)
        table = open_table(
            source,
            tokens,
            oov=oov,
            padding=False,
            padding_idx=padding_idx,
            freeze=freeze,
            seed=seed,
            dtype=dtype,
            reading=reading,
        )
        _check_words(table, mode)
        layer = cls._from_table(
            table,
            dtype=dtype,
            device=device,
            out_dtype=out_dtype,
            persistent=persistent,
            freeze=freeze,
            max_norm=max_norm,
            norm_type=norm_type,
            scale_grad_by_freq=scale_grad_by_freq,
            mode=mode,
            sparse=sparse,
            include_last_offset=include_last_offset,
            padding_idx=_left_out(table),
        )
        if table.encoder is not None:
            layer.weighs_means = True
            layer.encoder = table.encoder.for_bags(mode, include_last_offset=include_last_offset)
        return layer

    @classmethod
    @named_options
    def from_vocabulary(
        cls,
        vocabulary: VocabularyLike,
        dim: int,
        *,
        mode: Mode = "mean",
        include_last_offset: bool = False,
        oov: OovLike = None,
        padding_idx: int | None = None,
        init: ArrayLike | torch.Tensor | None = None,
        std: float = 1.0,
        freeze: bool = False,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        dtype: DtypeLike = None,
        device: torch.device | str | None = None,
        out_dtype: DtypeLike = None,
        seed: int = 0,
    ) -> Self:
        """Create a layer for a feature that has no pretrained vectors.

        Parameters
        ----------
        mode, include_last_offset, padding_idx
            As for `from_pretrained`. Where rows are drawn, that of `padding_idx` is zeros.
        vocabulary, dim, oov, init, std, freeze, max_norm, norm_type, scale_grad_by_freq, sparse, dtype, device
            As for `Embedding.from_vocabulary`.
        out_dtype, seed
            As for `Embedding.from_vocabulary`.

        Examples
        --------
        >>> products = embstore.EmbeddingBag.from_vocabulary([], 8, oov="hash:64", mode="mean", std=0.1)
        >>> products.weight.shape
        torch.Size([64, 8])
        >>> values, offsets = products.encode([["product 7", "product 12"], []])
        >>> len(values), offsets
        (2, tensor([0, 2]))
        """
        check_options(
            freeze=freeze,
            max_norm=max_norm,
            scale_grad_by_freq=scale_grad_by_freq,
            sparse=sparse,
            include_last_offset=include_last_offset,
        )
        dtype, out_dtype = as_dtype("dtype", dtype), as_dtype("out_dtype", out_dtype)
        check_mode(mode)
        table = initialized_table(
            vocabulary, dim, oov=oov, padding_idx=padding_idx, init=init, std=std, seed=seed, dtype=dtype
        )
        _check_words(table, mode)
        layer = cls._from_table(
            table,
            dtype=dtype,
            device=device,
            out_dtype=out_dtype,
            freeze=freeze,
            max_norm=max_norm,
            norm_type=norm_type,
            scale_grad_by_freq=scale_grad_by_freq,
            mode=mode,
            sparse=sparse,
            include_last_offset=include_last_offset,
            padding_idx=_left_out(table),
        )
        if table.encoder is not None:
            layer.weighs_means = True
            layer.encoder = table.encoder.for_bags(mode, include_last_offset=include_last_offset)
        return layer

    def encode(self, bags: WordBags, weights: Iterable[Sequence[float]] | None = None) -> tuple[torch.Tensor, ...]:
        """Encode bags of words as the input of this layer: ``layer(*layer.encode(bags))``.

        Parameters
        ----------
        bags
            Lists of words, possibly empty; Arrow columns of lists of strings are accepted too.
        weights
            A list of numbers for each bag, one for each of its words; not for ``mode="max"``. With ``mode="mean"`` the
            layer then gives sum(weight * vector) / sum(weight) over the words, or zeros if the weights add up to 0.

        Returns
        -------
        values : int64 of shape (words,)
        offsets : int64 of shape (bags,), the start of each bag; one more with `include_last_offset`
        weights : of the shape of `values` and the dtype of the rows, or float32 over an ``int8`` store; only if
            `weights` are given, or for ``subword``, or for the mean with ``hash:B:k``. For ``mean`` they are divided
            by the total weight of the bag, so that the layer sums.

        Raises
        ------
        UnknownTokenError
            For words that are not in the vocabulary, if the policy is ``error``.
        ValueError
            For weights that do not match the words, or with ``mode="max"``.

        Examples
        --------
        >>> bag = embstore.EmbeddingBag.from_pretrained("glove.6B.50d.safetensors", mode="sum")
        >>> bag.encode([["the", "frog"], ["toad"]])
        (tensor([    0, 12260, 26713]), tensor([0, 2]))
        >>> values, offsets, weights = bag.encode([["the", "frog"], ["toad"]], weights=[[0.1, 0.9], [1]])
        >>> weights
        tensor([0.1000, 0.9000, 1.0000])
        """
        bag = self._existing_encoder().encode_bags(
            bags, weights=weights, include_last_offset=self.include_last_offset, mode=cast("Mode", self.mode)
        )
        ragged = torch.from_numpy(bag.values), torch.from_numpy(bag.offsets)
        return ragged if bag.weights is None else (*ragged, self._as_weights(bag.weights))

    def _call(self) -> str:
        return "layer(*layer.encode(bags))"

    def forward(
        self,
        input: torch.Tensor,  # noqa: A002
        offsets: torch.Tensor | None = None,
        per_sample_weights: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Look up rows and pool them.

        Parameters
        ----------
        input
            int64 or int32: ids of shape (words,) with `offsets`, or (bags, words) without.
        offsets
            (bags,), the start of each bag; (bags + 1,) with `include_last_offset`.
        per_sample_weights
            Factors of the rows, of the shape of `input`. For ``mode="mean"`` they are those that `encode` returns,
            divided by the total of the bag: the rows are summed, and nothing is divided again.

        Returns
        -------
        (bags, embedding_dim)

        Examples
        --------
        >>> import torch
        >>> bag = embstore.EmbeddingBag.from_pretrained(np.eye(3, dtype="f4"), mode="sum")
        >>> bag(torch.tensor([0, 1, 1]), torch.tensor([0, 2]))
        tensor([[1., 1., 0.],
                [0., 1., 0.]])
        """
        if not is_scripting():
            self._check_input(input)
            self._check_store()
        last = self.include_last_offset
        mode = _summed(self.mode, per_sample_weights) if self.weighs_means else self.mode
        if self.rowwise:
            pooled = pool(input, self.weight, offsets, per_sample_weights, mode, last, self.padding_idx)
            return self._cast(pooled)
        if per_sample_weights is not None:
            per_sample_weights = _like(per_sample_weights, self.weight)
        pooled = functional.embedding_bag(
            input,
            self.weight,
            offsets,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            mode,
            self.sparse,
            per_sample_weights,
            last,
            self.padding_idx,
        )
        return self._cast(pooled)


def _summed(mode: str, weights: torch.Tensor | None) -> str:
    """Return the mode that rows are pooled by: weights of means are divided by their totals, so they are summed."""
    return "sum" if mode == "mean" and weights is not None else mode


def _like(weights: torch.Tensor | None, rows: torch.Tensor) -> torch.Tensor | None:
    """Cast weights to the dtype of the rows: they are float32 if encoded without the layer, in a worker."""
    return None if weights is None else weights.to(rows.dtype)


torch.fx.wrap("_like")  # symbolic_trace records calls of these, as their conditions depend on the inputs
torch.fx.wrap("_summed")
torch.fx.wrap("pool")


def _check_words(table: LayerTable, mode: str) -> None:
    if table.encoder is not None:
        check_mode(mode, table.encoder.policy.ending)


def _left_out(table: LayerTable) -> int | None:
    """Return the row that bags leave out: not that of an encoder with padding, as its bags never have it."""
    return None if table.encoder is not None and table.encoder.padding else table.padding_idx
