"""Which tensor of a checkpoint is its table of embeddings, by the names that libraries give to tensors.

One list for safetensors, files of torch.save and indexes of shards. A tensor with a known name comes before all others;
tables of positions and of segments never are the table. Where several remain, messages list the likeliest first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

from embstore.core.cures import cure, option_name
from embstore.core.errors import FormatError

KNOWN = (
    "embeddings", "vectors",  # model2vec; staticvectors
    "embedding.weight", "embeddings.weight", "emb.weight", "embed.weight",  # torch.nn.Embedding in a module; RWKV, XLM
    "emb_layer.weight",  # sentence-transformers' WordEmbeddings
    "word_embeddings.weight", "word_embedding.weight",  # BERT, Bloom; XLNet
    "token_embeddings.weight", "token_embedding.weight", "token_emb.weight",  # CLIP, Whisper; x-transformers
    "tokens_embed.weight", "wte.weight",  # GPT; GPT-2
    "tok_embeddings.weight", "embed_tokens.weight",  # Llama as Meta, and as Hugging Face wrote it
    "embed_in.weight",  # GPT-NeoX
    "shared.weight",  # T5, BART
)  # fmt: skip
"""Last parts of the names of embedding matrices."""

OUTPUTS = (
    "lm_head.weight", "lm_head.decoder.weight", "predictions.decoder.weight", "embed_out.weight", "output.weight",
    "output_projection.weight", "head.weight",
)  # fmt: skip
"""Last parts of the names of output layers, which have a row for each word too."""

POSITIONS = re.compile(r"(?:^|[._])(?:pos|positions?|positional|wpe|token_types?|segments?)(?:[._]|$)")
TIED = ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight")  # T5 and BART make these equal to shared.weight
COMPANIONS = (
    ".scales", ".biases", ".qzeros", ".g_idx", ".SCB", ".weight.absmax", ".weight_scale", ".weight_scale_inv",
)  # fmt: skip
"""Last parts of the names of tensors beside quantized rows: MLX, GPTQ and AWQ, bitsandbytes, float8."""

LISTED = 20  # tensors in a message
MOST_TIED = 8  # tensors that are compared


@dataclass(frozen=True, slots=True)
class TensorEntry:
    """A tensor in a file.

    Attributes
    ----------
    described
        Dtype and shape for messages; empty if not known.
    shape
        Empty if not known.
    floating
        Whether its numbers are floats that can be read.
    place
        Equal for tensors that share their numbers.
    """

    name: str
    described: str = ""
    shape: tuple[int, ...] = ()
    floating: bool = True
    place: object = None

    @property
    def is_matrix(self) -> bool:
        """Whether it has two dimensions."""
        return len(self.shape) == 2

    def __str__(self) -> str:
        short = self.name[:200]
        short = short if short.isprintable() else ascii(short)[1:-1]
        return f"{short} {self.described}".strip()


Same = Callable[[TensorEntry, TensorEntry], bool]
"""Whether two tensors have equal numbers."""


def is_known(name: str) -> bool:
    """Return whether this is the name of an embedding matrix, after any prefix that ends in a dot."""
    return _ends(name, KNOWN) and not is_position(name)


def is_position(name: str) -> bool:
    """Return whether a table with this name has rows for positions or for segments, not for words."""
    return POSITIONS.search(name) is not None


def is_output(name: str) -> bool:
    """Return whether this is the name of an output layer."""
    return _ends(name, OUTPUTS)


def _ends(name: str, parts: Iterable[str]) -> bool:
    return any(name == part or name.endswith(f".{part}") for part in parts)


def known_names(names: Iterable[str]) -> list[str]:
    """Return the names that the table may have, one if they are those of a model whose encoder and decoder share it."""
    known = [name for name in names if is_known(name)]
    return _without_tied(known) or known


def _without_tied(known: list[str]) -> list[str]:
    """Return ``shared.weight`` if all other names are those of T5 and BART for the same tensor; else nothing."""
    shared = [name for name in known if _ends(name, ("shared.weight",))]
    tied = {shared[0].removesuffix("shared.weight") + part for part in TIED} if len(shared) == 1 else set()
    return shared if tied and set(known) - set(shared) <= tied else []


def choose_table(path: Path, entries: Sequence[TensorEntry], same: Same, format: str) -> TensorEntry:  # noqa: A002
    """Return the only tensor that can be the table.

    Tensors with known names come first, then matrices of floats, then any matrix. Of several with known names and
    equal numbers, as checkpoints with tied weights have, the first is taken. Raises FormatError, which lists them, if
    several remain.
    """
    found = _candidates(entries)
    if len(found) == 1 or (_may_be_tied(found) and all(same(found[0], other) for other in found[1:])):
        return found[0]
    reason = _several(found) if found else _none(entries)
    raise FormatError(path, reason, format=format)


def _may_be_tied(found: Sequence[TensorEntry]) -> bool:
    return 0 < len(found) <= MOST_TIED and all(is_known(entry.name) for entry in found)


def _several(found: Sequence[TensorEntry]) -> str:
    chosen = cure("tensor-key", f"name one with {option_name('key')}")
    return f"{len(found):,} tensors may be the table: {chosen} ({listed(found)})"


def _none(entries: Sequence[TensorEntry]) -> str:
    if not any(entry.is_matrix for entry in entries):
        return f"no tensor may be the table, as none is a matrix: it has {listed(entries)}"
    chosen = cure("tensor-of-positions", f"name one with {option_name('key')}")
    return f"no tensor may be the table: {chosen} ({listed(entries)})"


def _candidates(entries: Sequence[TensorEntry]) -> list[TensorEntry]:
    matrices = [entry for entry in entries if entry.is_matrix and not is_position(entry.name)]
    floating = [entry for entry in matrices if entry.floating]
    known = [entry for entry in floating if is_known(entry.name)] or [
        entry for entry in matrices if is_known(entry.name.replace(".qweight", ".weight"))
    ]
    kept = _without_tied([entry.name for entry in known])
    return [entry for entry in known if entry.name in kept] or known or floating or matrices


def listed(entries: Iterable[TensorEntry]) -> str:
    """Return tensors for a message, the likeliest table first; at most `LISTED` of them."""
    ranked = sorted(entries, key=_unlikeliness)
    more = f" and {len(ranked) - LISTED:,} more" if len(ranked) > LISTED else ""
    return ", ".join(map(str, ranked[:LISTED])) + more if ranked else "no tensors"


def _unlikeliness(entry: TensorEntry) -> tuple[bool, bool, bool, bool, int]:
    beside = is_position(entry.name) or is_output(entry.name)
    named = "emb" in entry.name.lower() and not beside
    return (not is_known(entry.name), not (entry.is_matrix and entry.floating), not named, beside, -prod(entry.shape))


def quantized(entry: TensorEntry, names: Iterable[str]) -> str:
    """Return what is wrong with a matrix of codes that other tensors scale, by their names; empty for any other."""
    base = re.sub(r"\.q?weight$", "", entry.name)
    found = sorted({f"{base}{part}" for part in COMPANIONS} & set(names))
    if entry.floating or not found:
        return ""
    return (
        f"quantized: {entry.described}, to be scaled by {' and '.join(found)}, which embstore cannot do; "
        "read the checkpoint that it was made from"
    )
