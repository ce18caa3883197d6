"""Stores that must open and verify, and that any safetensors reader must read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from makers.golden import write_valid
from makers.rounding import float32_bits
from makers.store_file import Store, assemble, index, store
from makers.xxh64 import collisions

WORDS = ["the", "frog", "café", "\u4e2d\u6587"]
TOKENS = [word.encode() for word in WORDS]
ROWS = ["1 0.5 -2", "0 -0 3", "0.25 100 -0.125", "7 8 9"]
DTYPES = {"F32": "float32", "F16": "float16", "BF16": "bfloat16", "U8": "int8"}


def make(folder: Path) -> None:
    """Write the files."""

    def valid(name: str, made: Store, rows: list[str], about: str, raw: bytes | None = None, **more: Any) -> None:
        """Write a store; `rewritten` states that embstore.save of the table gives the same file."""
        tokens: list[str | bytes] = list(made.tokens)
        sidecar = {"dtype": DTYPES[made.dtype], "shape": [len(tokens), made.dim], "rewritten": raw is None, **more}
        write_valid(folder, f"{name}.safetensors", raw or made.file(), about, tokens, rows, **sidecar)

    for dtype, name in list(DTYPES.items())[:3]:
        valid(name, store(TOKENS, ROWS, dtype), ROWS, f"rows of {dtype}")
    with_counts = replace(store(TOKENS, ROWS), counts=[900, 50, 7, 0])
    valid("counts", with_counts, ROWS, "how often each token was seen", rewritten=False)
    _tokens(valid)
    _values(valid)
    _rowwise(valid)
    _foreign(valid)


def _tokens(valid: Any) -> None:
    odd = [b"", b"caf\xe9", b"\xff", b"a b", b"line\nbreak", b"nul\x00", b"\xed\xa0\x80"]
    rows = [f"{i} 1" for i in range(len(odd))]
    found = ["tokens that are not UTF-8, their bytes kept: 3, the first 'caf\\udce9'"]
    valid("odd_tokens", store(odd, rows), rows, "tokens are bytes: empty, not UTF-8, with NUL", when_saved=found)
    valid(
        "empty_token_alone",
        store([b""], ["1 2"]),
        ["1 2"],
        "the smallest vocabulary, one empty token; vocab.bytes is empty",
    )
    long = [b"x" * 700, b"x" * 701]
    valid("long_tokens", store(long, ["1", "2"]), ["1", "2"], "tokens longer than any word; one dimension")
    many = [str(i).encode() for i in range(33)]
    rows = [str(i) for i in range(33)]
    valid("many_tokens", store(many, rows, "F16"), rows, "33 tokens, 128 slots; the weight takes 66 bytes")
    crafted = collisions(20)
    rows = [str(i) for i in range(20)]
    first = crafted[0].decode(errors="surrogateescape")
    found = [f"tokens that are not UTF-8, their bytes kept: {len(crafted)}, the first {first!a}"]
    about = "tokens with one home slot under the seed 0: the index has a derived seed"
    valid("tokens_that_collide", store(crafted, rows), rows, about, when_saved=found)


def _values(valid: Any) -> None:
    rows = ["nan inf -inf", "-0 1e-45 3.4028234663852886e38"]
    found = ["rows with NaN, Inf or a value beyond the dtype: 1, the first 'a'"]
    valid(
        "not_finite",
        store([b"a", b"b"], rows),
        rows,
        "all values of float32 are kept, NaN and Inf too",
        when_saved=found,
    )
    policy = {"embstore.oov": "lower,mean", "embstore.padding": "1"}
    special = ["0 0 0", "2.0625 27.125 2.46875"]
    bits = [" ".join(map(float32_bits, row.split())) for row in special]
    for dtype, name in (("F32", "special_rows"), ("BF16", "special_rows_bfloat16")):
        made = store(TOKENS, [*ROWS, *special], dtype, **policy)
        valid(name, made, ROWS, "rows for padding and unknown words after those of the vocabulary", special=bits)
    policy = {"embstore.oov": "lower,subword", "embstore.padding": "1", "embstore.subword": "2,3,4"}
    special = ["0 0 0", "1 0 0", "0 1 0", "0 0 1", "-1 -2 -3"]
    bits = [" ".join(map(float32_bits, row.split())) for row in special]
    made = store(TOKENS, [*ROWS, *special], **policy)
    valid(
        "special_rows_subword",
        made,
        ROWS,
        "rows for padding and for 4 buckets of n-grams of 2 to 3 characters",
        special=bits,
    )


def _rowwise(valid: Any) -> None:
    rows = ["0 255 64 1 254", "-1 0.9921875 -0.5 0 0.0078125", "7 7 7 7 7", "0 0 0 0 0"]
    valid("int8", store(TOKENS, rows, "U8"), rows, "rows of 8 bits, each with a scale and an offset; five dimensions")
    special = ["0 0 0 0 0", "-2 508 16 0 2"]
    bits = [" ".join(map(float32_bits, row.split())) for row in special]
    policy = {"embstore.oov": "hash:1", "embstore.padding": "1"}
    made = store(TOKENS, [*rows, *special], "U8", **policy)
    valid("special_rows_int8", made, rows, "special rows of 8 bits", special=bits)


def unprotected(more: str = "") -> str:
    """Return the warning when a store without checksums is verified."""
    arrays = "embedding.weight, vocab.index, vocab.offsets, vocab.bytes"
    return f"no checksum of {more}{arrays}: damage there may not be found"


def _foreign(valid: Any) -> None:
    """Write files that embstore does not write, but must read."""
    plain = store(TOKENS, ROWS)
    unknown = store(TOKENS, ROWS, **{"embstore.someday": "new", "note": "h\u00e9"})
    valid("unknown_metadata", unknown, ROWS, "metadata that a reader does not know", raw=unknown.file())
    later = store(TOKENS, ROWS, **{"embstore.version": "1.7"})
    valid("later_minor_version", later, ROWS, "a later minor version", raw=later.file())
    header = plain.header()
    header["vocab.index"]["dtype"] = "I64"
    valid(
        "signed_index",
        plain,
        ROWS,
        "an index of I64, for writers without U64",
        raw=assemble(header, plain.data(), 4096),
    )
    unaligned = store(TOKENS, ROWS, "F16")
    valid(
        "unaligned",
        unaligned,
        ROWS,
        "data begins at an unaligned offset",
        raw=assemble(unaligned.header(), unaligned.data(), 1),
    )
    about = "no checksums of arrays, data directly after the header"
    valid("not_padded", plain, ROWS, about, raw=plain.but().file(8), when_verified=[unprotected()])
    extra = plain.header()
    end = len(plain.data())
    extra["extra"] = {"dtype": "F64", "shape": [1], "data_offsets": [end, end + 8]}
    raw = assemble(extra, plain.data() + b"\0" * 8)
    warning = "no checksum of extra: damage there may not be found"
    valid("further_tensor", plain, ROWS, "an additional tensor", raw=raw, when_verified=[warning])
    larger = plain.but(slots=index(TOKENS, 64)[0])
    valid(
        "larger_index",
        larger,
        ROWS,
        "an index that is less than half full: 64 slots for four tokens",
        raw=larger.file(8),
        when_verified=[unprotected()],
    )
    bare = plain.header()
    bare["__metadata__"] = {}
    valid(
        "no_metadata",
        plain,
        ROWS,
        "no metadata: version 1.0, xxh64 and seed 0 are the defaults",
        raw=assemble(bare, plain.data()),
        when_verified=[unprotected("its header, ")],
    )
