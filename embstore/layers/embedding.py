"""`Embedding`: a `torch.nn.Embedding` over a store, which also encodes words."""

# Annotations are no strings in this module: torch.fx writes those of forward into its graphs, and pickles them.

from collections.abc import Sequence
from typing import Any, Literal, Self, Unpack

import torch
from numpy.typing import ArrayLike
from torch._jit_internal import is_scripting
from torch.nn import functional

from embstore.layers.base import WordLayer
from embstore.layers.initialized import VocabularyLike, initialized_table
from embstore.layers.options import DtypeLike, as_dtype, check_options, check_sizes, documented_as, named_options
from embstore.layers.rowwise import look_up
from embstore.layers.sources import LayerReading, Pretrained
from embstore.layers.weighted import sum_rows
from embstore.layers.weights import open_table
from embstore.words.columns import Words
from embstore.words.encoded import WeightedIds
from embstore.words.policy import OovLike


class Embedding(WordLayer, torch.nn.Embedding):
    """A `torch.nn.Embedding` that also encodes words.

    Created by `from_pretrained` or `from_vocabulary`. ``Embedding(num_embeddings, embedding_dim)`` makes a layer
    without words, as `torch.nn.Embedding` does.

    Attributes
    ----------
    weight
        (num_embeddings, embedding_dim): the rows of the vocabulary, then the special rows of the policy. Over an
        ``int8`` store: uint8 of shape (num_embeddings, embedding_dim + 8), as in the file; the result is float32.
    encoder
        Encodes words as rows, without torch, for data loaders; None if the rows have no words.
    out_dtype
        Dtype that the result is cast to; None keeps the dtype of the rows.

    Examples
    --------
    >>> emb = embstore.Embedding.from_pretrained("glove.6B.50d.safetensors", padding=True, oov="lower,zero")
    >>> emb
    Embedding(400002, 50, padding_idx=400000)
    >>> ids = emb.encode([["I", "was", "very", "happy"], ["qzxv"]])
    >>> ids
    tensor([[    41,     15,    191,   1751],
            [400001, 400000, 400000, 400000]])
    >>> emb(ids).shape
    torch.Size([2, 4, 50])
    """

    @documented_as(torch.nn.Embedding.__init__)
    def __init__(self, *args: object, **options: object) -> None:
        check_sizes(type(self), args)
        super().__init__(*args, **options)  # type: ignore[arg-type]

    @classmethod
    @named_options
    def from_pretrained(
        cls,
        source: Pretrained,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        *,
        tokens: Sequence[str] | None = None,
        oov: OovLike = None,
        padding: bool = False,
        dtype: DtypeLike = None,
        device: torch.device | str | None = None,
        out_dtype: DtypeLike = None,
        persistent: bool = True,
        seed: int = 0,
        **reading: Unpack[LayerReading],
    ) -> Self:
        """Create a layer from a table of embeddings.

        Rows are bit-equal to those of the source. A layer over a store file maps the file without a copy. The rows are
        copied, once, if special rows are needed that the file does not have (`convert` writes them with ``oov=`` and
        ``padding=``), if `dtype` or `device` differ, or if the rows are unaligned in the file.

        Parameters
        ----------
        source
            A `Store`; a path, opened with `embstore.open`; or a floating array or tensor of shape (rows, dim).
        freeze
            Whether the rows are constant. With False a store file is mapped copy-on-write: training uses memory only
            for the pages that it changes, and never changes the file.
        padding_idx
            A row of the table that stands for padding, such as ``store.stoi["<pad>"]``, in place of the row that
            ``padding=True`` adds; a negative number counts from the last row of the table. `encode` pads with it, and
            it is not trained; its values stay as they are.
        tokens
            The words of an array's rows. Without them the layer cannot `encode`.
        oov
            The policy for words that are not in the vocabulary, such as ``"lower,hash:1000"``. None uses the policy
            stored in the file, else ``error``.
        padding
            Whether to add a padding row of zeros, `padding_idx`: sentences of different lengths need it.
        max_norm, norm_type, scale_grad_by_freq, sparse
            As for `torch.nn.Embedding`. `max_norm` writes to the rows and therefore needs ``freeze=False``.
        dtype, device
            Dtype, torch's or its name, and device of the rows. By default the dtype of the source, on the CPU, also
            under another default device, such as ``torch.device("meta")``. A dtype converts the rows of an ``int8``
            store, and whole numbers, to it.
        out_dtype
            Dtype to cast the result to, for instance float32 for a float16 table.
        persistent
            With False the state_dict contains, in place of the rows, a reference to the store (a small uint8 tensor
            ``store_reference``: name, sha256, policy), and loading it into a layer over another table is an error. Rows
            that were written to are in it as well.
        seed
            Seed of the special rows that are drawn for ``hash:B``.
        **reading
            Options of `embstore.open` for a path: `format`, `member`, `vocab`, `duplicates`, ...

        Raises
        ------
        FormatError
            If the file cannot be read.
        EmbstoreError
            For options that exclude each other, such as ``freeze=False`` over an ``int8`` store without a `dtype`.
        TypeError
            For options that do not exist, and for both `padding` and `padding_idx`.
        ValueError
            For a `padding_idx` that is no row of the table.

        Notes
        -----
        The arguments up to `sparse` are those of `torch.nn.Embedding.from_pretrained`, in its order; `source` may be
        written as torch's ``embeddings=``.

        Examples
        --------
        >>> emb = embstore.Embedding.from_pretrained("glove.6B.50d.safetensors")
        >>> emb.weight.shape, emb.weight.requires_grad
        (torch.Size([400000, 50]), False)
        >>> emb.encode(["the", "qzxv"])
        Traceback (most recent call last):
            ...
        embstore.core.errors.UnknownTokenError: not in the vocabulary: 'qzxv'
        >>> colours = embstore.Embedding.from_pretrained(np.eye(3), tokens=["red", "green", "blue"], oov="mean")
        >>> colours(colours.encode(["green", "pink"]))
        tensor([[0.0000, 1.0000, 0.0000],
                [0.3333, 0.3333, 0.3333]], dtype=torch.float64)
        """
        check_options(
            freeze=freeze,
            max_norm=max_norm,
            persistent=persistent,
            padding=padding,
            scale_grad_by_freq=scale_grad_by_freq,
            sparse=sparse,
        )
        dtype, out_dtype = as_dtype("dtype", dtype), as_dtype("out_dtype", out_dtype)
        table = open_table(
            source,
            tokens,
            oov=oov,
            padding=padding,
            padding_idx=padding_idx,
            freeze=freeze,
            seed=seed,
            dtype=dtype,
            reading=reading,
        )
        return cls._from_table(
            table,
            dtype=dtype,
            device=device,
            out_dtype=out_dtype,
            persistent=persistent,
            freeze=freeze,
            padding_idx=table.padding_idx,
            max_norm=max_norm,
            norm_type=norm_type,
            scale_grad_by_freq=scale_grad_by_freq,
            sparse=sparse,
        )

    @classmethod
    @named_options
    def from_vocabulary(
        cls,
        vocabulary: VocabularyLike,
        dim: int,
        *,
        oov: OovLike = None,
        padding: bool = False,
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
        vocabulary
            A `Vocabulary`, an `Encoder`, or a sequence of words. An empty one with ``oov="hash:4096"`` hashes all
            words, for a catalogue that keeps growing.
        dim
            embedding_dim.
        oov, padding, padding_idx
            As in `from_pretrained`; an `Encoder` already has them. Where rows are drawn, that of `padding_idx` is
            zeros.
        init
            Initial rows: (words, dim), or (num_embeddings, dim) with the special rows. None draws them from a normal
            distribution. Special rows that `init` does not contain are made by the policy; the padding row is zeros.
        std
            Standard deviation of the drawn rows.
        freeze
            Whether the rows are constant.
        max_norm, norm_type, scale_grad_by_freq, sparse, dtype, device, out_dtype
            As in `from_pretrained`. By default drawn rows have torch's default dtype.
        seed
            Seed of the drawn rows. Torch's global generator is not used.

        Raises
        ------
        ValueError
            If the shape of `init` does not match.

        Examples
        --------
        >>> states = embstore.Embedding.from_vocabulary(["CA", "NY", "WA"], 8, oov="zero")
        >>> states.weight.shape, states.weight.requires_grad
        (torch.Size([4, 8]), True)
        >>> states.encode(["WA", "??"])
        tensor([2, 3])
        """
        check_options(
            freeze=freeze, max_norm=max_norm, padding=padding, scale_grad_by_freq=scale_grad_by_freq, sparse=sparse
        )
        dtype, out_dtype = as_dtype("dtype", dtype), as_dtype("out_dtype", out_dtype)
        table = initialized_table(
            vocabulary,
            dim,
            oov=oov,
            padding=padding,
            padding_idx=padding_idx,
            init=init,
            std=std,
            seed=seed,
            dtype=dtype,
        )
        return cls._from_table(
            table,
            dtype=dtype,
            device=device,
            out_dtype=out_dtype,
            freeze=freeze,
            padding_idx=table.padding_idx,
            max_norm=max_norm,
            norm_type=norm_type,
            scale_grad_by_freq=scale_grad_by_freq,
            sparse=sparse,
        )

    def encode(
        self, words: Words, length: int | None = None, side: Literal["left", "right"] = "right"
    ) -> torch.Tensor | Any:
        """Encode words as the input of this layer.

        Parameters
        ----------
        words
            A list of words, or a list of sentences, each a list of words; Arrow columns of strings or of lists of
            strings are accepted too.
        length
            Cut or pad each sentence to this number of words; None pads to the longest sentence.
        side
            Side of the padding: ``right`` or ``left``. Long sentences are cut at the end, for either side.

        Returns
        -------
        int64 of shape (words,), or (sentences, length); on the CPU, since encoding belongs in the data loader.

        For policies with several ids for a word, ``subword`` and ``hash:B:k`` with k > 1, the tuple (ids, weights),
        both with one more dimension: the largest number of ids of a word in `words`. A word of the vocabulary has one
        id, of weight 1; unused places have the weight 0. The weights have the dtype of the rows, or float32 over an
        ``int8`` store. Look up the vectors with ``layer(*layer.encode(words))``.

        Raises
        ------
        UnknownTokenError
            For words that are not in the vocabulary, if the policy is ``error``.
        ValueError
            For sentences of different lengths if there is no padding row, for the policy ``skip``, and for a word with
            so many n-grams that the result would need gigabytes.

        Examples
        --------
        >>> emb = embstore.Embedding.from_pretrained("glove.6B.50d.safetensors", padding=True)
        >>> emb.encode(["the", "frog"])
        tensor([    0, 12260])
        >>> emb.encode([["the", "frog"], ["the", "frog", "sat", "on"]], length=3, side="left")
        tensor([[400000,      0,  12260],
                [     0,  12260,   3223]])
        >>> products = embstore.Embedding.from_vocabulary(["mug"], 8, oov="hash:1000:2")
        >>> ids, weights = products.encode(["mug", "teapot"])
        >>> ids.shape, weights, products(ids, weights).shape
        (torch.Size([2, 2]), tensor([[1., 0.],
                [1., 1.]]), torch.Size([2, 8]))
        """
        encoded = self._existing_encoder().encode(words, length=length, side=side)
        if isinstance(encoded, WeightedIds):
            return torch.from_numpy(encoded.ids), self._as_weights(encoded.weights)
        return torch.from_numpy(encoded)

    def forward(self, input: torch.Tensor, weights: torch.Tensor | None = None) -> torch.Tensor:  # noqa: A002
        """Look up rows: int64 or int32 of shape (...) to (..., embedding_dim).

        With `weights`, sum rows: both of shape (..., k), as `encode` returns them for words with several ids, to
        (..., embedding_dim). The padding row then counts as zeros, and `scale_grad_by_freq` is not supported.

        Examples
        --------
        >>> import torch
        >>> emb = embstore.Embedding.from_pretrained("glove.6B.50d.safetensors")
        >>> emb(torch.tensor([[0, 1], [2, 3]])).shape
        torch.Size([2, 2, 50])
        >>> emb(torch.tensor([[0, 1], [2, 3]]), torch.tensor([[0.5, 0.5], [1, 0]])).shape
        torch.Size([2, 50])
        """
        if not is_scripting():
            self._check_input(input)
            self._check_store()
        if weights is not None:
            return self._cast(
                sum_rows(
                    input,
                    weights,
                    self.weight,
                    self.rowwise,
                    self.padding_idx,
                    self.max_norm,
                    self.norm_type,
                    self.scale_grad_by_freq,
                    self.sparse,
                )
            )
        if self.rowwise:
            return self._cast(look_up(input, self.weight))
        return self._cast(
            functional.embedding(
                input,
                self.weight,
                self.padding_idx,
                self.max_norm,
                self.norm_type,
                self.scale_grad_by_freq,
                self.sparse,
            )
        )


torch.fx.wrap("look_up")  # symbolic_trace records calls of these, as their conditions depend on the inputs
torch.fx.wrap("sum_rows")
