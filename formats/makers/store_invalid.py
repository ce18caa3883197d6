"""Stores that must be refused when opened; each file has one defect."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from makers import store_damaged
from makers.golden import write_invalid
from makers.store_file import Store, assemble, store

PLAIN = store([b"the", b"frog"], ["1 2", "3 4"]).but()
WEIGHT, INDEX, OFFSETS, BYTES = "embedding.weight", "vocab.index", "vocab.offsets", "vocab.bytes"


def make(folder: Path) -> None:
    """Write the files."""

    def invalid(name: str, data: bytes, message: str, error: str = "FormatError") -> None:
        read = {"format": "store"}
        write_invalid(folder, f"{name}.safetensors", data, message, error=error, read=read, at="open")

    _cut(invalid)
    _headers(invalid)
    _entries(invalid)
    _places(invalid)
    _stores(invalid)
    _checksums(invalid)
    store_damaged.make(folder)


def changed(entry: str, key: str, value: Any, made: Store = PLAIN) -> bytes:
    """Return the plain store with one change in its header."""
    header = made.header()
    header[entry][key] = value
    return assemble(header, made.data())


def _cut(invalid: Any) -> None:
    whole = PLAIN.file(8)
    length = int.from_bytes(whole[:8], "little")
    cut = "not a safetensors file, or cut short"
    invalid("too_short", whole[:5], "{path}: 5 bytes, too short for a safetensors file")
    invalid("cut_in_the_header", whole[:100], "{path}: states a header of " + f"{length} bytes in a file of 100: {cut}")
    huge = b"\xff" * 7 + b"\x7f" + whole[8:]
    invalid(
        "endless_header",
        huge,
        "{path}: states a header of 9,223,372,036,854,775,807 bytes in a file of " + f"{len(huge)}: {cut}",
    )
    invalid(
        "truncated",
        whole[:-4],
        "{path}:vocab.bytes: ends at byte " + f"{len(whole)} of a file of {len(whole) - 4}: the file is cut short",
    )
    invalid(
        "trailing_bytes",
        whole + b"\0\0\0",
        "{path}: 3 bytes after the last tensor, expected none: something was appended",
    )


def _headers(invalid: Any) -> None:
    """Headers that do not map names to tensors."""

    def header(name: str, text: str | bytes, message: str) -> None:
        invalid(name, assemble(text, PLAIN.data()), "{path}:" + message)

    text = json.dumps(PLAIN.header())
    header("header_not_json", "{'vocab.index': 1}", "header: not the JSON of a safetensors header: "
           "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)")  # fmt: skip
    header("header_not_utf8", b'{"\xff": 1}', "header: not the JSON of a safetensors header: "
           "'utf-8' codec can't decode byte 0xff in position 2: invalid start byte")  # fmt: skip
    header("header_not_an_object", "[1, 2]", "header: must be a JSON object")
    twice = text[:-1] + f', "vocab.bytes": {json.dumps(PLAIN.header()[BYTES])}}}'
    header("duplicate_tensor", twice, "header: the key 'vocab.bytes' appears twice")
    header(
        "duplicate_metadata",
        text.replace('"format"', '"format": "np", "format"'),
        "header: the key 'format' appears twice",
    )
    header("metadata_not_strings", text.replace('"pt"', "1"), "__metadata__: must map strings to strings")
    header("metadata_not_an_object", '{"__metadata__": "pt"}', "__metadata__: must map strings to strings")


def _entries(invalid: Any) -> None:
    """Entries that do not describe a tensor."""

    def entry(name: str, key: str, value: Any, message: str) -> None:
        invalid(name, changed(WEIGHT, key, value), "{path}:embedding.weight: " + message)

    dtypes = "BOOL, U8, I8, F8_E4M3, F8_E5M2, F8_E8M0, I16, U16, F16, BF16, I32, U32, F32, I64, U64, F64, C64"
    sizes = "shape and data_offsets must be lists of whole numbers, none negative"
    only = "a tensor must have dtype, shape and data_offsets, and nothing else"
    entry("unknown_dtype", "dtype", "F31", f"unknown dtype 'F31', expected one of {dtypes}")
    entry("dtype_not_a_string", "dtype", ["F32"], f"unknown dtype '['F32']', expected one of {dtypes}")
    entry("unknown_key", "strides", [1], only)
    entry("negative_size", "shape", [-2, -2], sizes)
    entry("fractional_size", "shape", [2.0, 2], sizes)
    entry("boolean_size", "shape", [True, 4], sizes)
    entry("nested_shape", "shape", [[2, 2]], sizes)
    entry("one_offset", "data_offsets", [0], sizes)
    entry("enormous_size", "shape", [1 << 64, 2], sizes)
    entry("dimensions_beyond_64", "shape", [1] * 65, "65 dimensions, expected at most 64")
    entry("wrong_size", "shape", [2, 3], "16 bytes, but F32 [2, 3] needs 24")
    entry("backward", "data_offsets", [16, 0], "-16 bytes, but F32 [2, 2] needs 16")
    entry("overflowing_size", "shape", [1 << 62, 1 << 62],
          "16 bytes, but F32 [4611686018427387904, 4611686018427387904] needs more than any file has")  # fmt: skip
    invalid("entry_not_an_object", assemble({"embedding.weight": 7}, b""), "{path}:embedding.weight: " + only)
    invalid("name_of_two_lines", assemble({"a\nb\u2028": 7}, b""), "{path}:a\\nb\\u2028: " + only)


def _places(invalid: Any) -> None:
    """Tensors that leave gaps in the data, or overlap."""
    for name, by, what in (("overlap", -8, "overlaps"), ("hole", 8, "leaves a gap after")):
        header, at = PLAIN.header(), 16 + by
        for entry in (INDEX, OFFSETS, BYTES):
            header[entry]["data_offsets"] = [end + by for end in header[entry]["data_offsets"]]
        data = PLAIN.data()[:16] + b"\0" * 8 + PLAIN.data()[16:] if by > 0 else PLAIN.data()
        message = f"begins at byte {at} of the data and {what} the tensor before it, which ends at 16"
        invalid(name, assemble(header, data), "{path}:vocab.index: " + message)


def _stores(invalid: Any) -> None:
    """Write tensors that are not those of a store."""

    def not_a_store(name: str, data: bytes, message: str, error: str = "FormatError") -> None:
        invalid(name, data, "{path}" + message, error)

    missing = PLAIN.header()
    missing["words"] = missing.pop(INDEX)
    not_a_store(
        "no_index", assemble(missing, PLAIN.data()), ": a safetensors file, but not a store: vocab.index missing"
    )
    few = PLAIN.but(counts=[1])
    each = "must be I64 with a count for each of the 2 tokens"
    not_a_store("counts_of_other_tokens", few.file(8), f":vocab.counts: {each}")
    two = "; this embstore reads version 1: upgrade embstore"
    seed = ", expected a whole number below 2^64"
    for name, version in (("version_2", "2.0"), ("version_unknown", "next")):
        made = store(PLAIN.tokens, ["1 2", "3 4"], **{"embstore.version": version})
        not_a_store(name, made.file(8), f": a store of version {version}{two}", "UnsupportedVersionError")
    for name, key, value, found in (
        ("wrong_hash", "embstore.hash", "xxh3", "xxh3; this embstore supports xxh64: upgrade embstore"),
        ("seed_of_words", "embstore.hash_seed", "one", f"'one'{seed}"),
        ("seed_too_large", "embstore.hash_seed", str(1 << 64), f"'18446744073709551616'{seed}"),
        ("seed_with_a_zero", "embstore.hash_seed", "00", f"'00'{seed}"),
        ("padding_of_two", "embstore.padding", "2", "'2', expected 1, or no such key"),
        ("checksum_too_short", f"embstore.sha256.{WEIGHT}", "0f", "'0f', expected 64 hexadecimal digits in lower case"),
        ("rowwise_of_floats", "embstore.dtype", "int8-rowwise",
         "int8-rowwise; this embstore reads U8 rows only as int8-rowwise, and other rows only without it: "
         "upgrade embstore"),
    ):  # fmt: skip
        made = store(PLAIN.tokens, ["1 2", "3 4"], **{key: value})
        not_a_store(name, made.file(8), f":{key}: {found}")
    _special_rows(not_a_store)
    weight = ":embedding.weight: must be F32, F16, BF16, or U8 encoded as int8-rowwise, with 2 dimensions"
    not_a_store("weight_of_integers", changed(WEIGHT, "dtype", "I32"), weight)
    not_a_store("weight_of_one_dimension", changed(WEIGHT, "shape", [4]), weight)
    narrow = store(PLAIN.tokens, ["0 255", "0 0"], "U8").but()
    only = "this embstore reads U8 rows only as int8-rowwise, and other rows only without it: upgrade embstore"
    unsaid = narrow.header()
    del unsaid["__metadata__"]["embstore.dtype"]
    not_a_store("rowwise_unsaid", assemble(unsaid, narrow.data()), f":embstore.dtype: absent; {only}")
    later = replace(narrow, more={"embstore.dtype": "int4-rowwise"})
    not_a_store("rowwise_unknown", later.file(8), f":embstore.dtype: int4-rowwise; {only}")
    scales = replace(narrow, dim=0, weight=bytes(16))
    columns = ":embedding.weight: must have more than 8 columns: each row ends with 8 bytes of scale and offset"
    not_a_store("rowwise_without_codes", scales.file(8), columns)
    slots = ":vocab.index: the number of slots must be a power of two, at least 2"
    not_a_store("index_not_a_power_of_two", PLAIN.but(slots=[0, *PLAIN.slots, 0]).file(8), slots)
    not_a_store("index_of_one_slot", PLAIN.but(slots=[1]).file(8), slots)
    not_a_store("index_without_slots", PLAIN.but(slots=[]).file(8), slots)
    full = PLAIN.but(slots=PLAIN.slots[:2])
    not_a_store("index_too_small", full.file(8), ":vocab.index: 2 slots for 2 tokens, expected at least 4")
    not_a_store("index_of_floats", changed(INDEX, "dtype", "F64"), ":vocab.index: must be U64 or I64")
    not_a_store("offsets_unsigned", changed(OFFSETS, "dtype", "U64"), ":vocab.offsets: must be I64 with 1 dimension")
    not_a_store("bytes_signed", changed(BYTES, "dtype", "I8"), ":vocab.bytes: must be U8 with 1 dimension")
    short = PLAIN.but(weight=PLAIN.weight[:8])
    not_a_store("more_tokens_than_rows", short.file(8), ":vocab.offsets: 2 tokens for 1 rows, expected 1 to 1 tokens")
    expected = "tokens for 2 rows, expected 1 to 2 tokens"
    not_a_store("no_tokens", PLAIN.but(offsets=[0]).file(8), f":vocab.offsets: 0 {expected}")
    not_a_store("no_offsets", PLAIN.but(offsets=[]).file(8), f":vocab.offsets: -1 {expected}")
    bare = changed(WEIGHT, "shape", [2, 0], PLAIN.but(weight=b""))
    not_a_store("no_columns", bare, ":embedding.weight: must have a column")


def _special_rows(not_a_store: Any) -> None:
    """Write policies that do not explain the special rows."""

    def policy(name: str, message: str, rows: int = 2, **more: str) -> None:
        made = store(
            PLAIN.tokens, ["1 2", "3 4", "5 6", "7 8"][:rows], **{f"embstore.{key}": more[key] for key in more}
        )
        not_a_store(name, made.file(8), message)

    def other(special: int, stated: str) -> str:
        return (
            f":embedding.weight: {special} rows after those of the 2 tokens, but the policy in the header has {stated}"
        )

    known = (
        "(back-offs: nfc, lower, casefold, accents, digits; endings: error, skip, zero, mean, unk, unk:TOKEN, "
        "hash:BUCKETS, hash:BUCKETS:HASHES, subword); if it is a policy of a later version, upgrade embstore"
    )
    policy("special_rows_unexplained", other(1, "0"), rows=3)
    policy("special_rows_too_many", other(2, "1"), rows=4, oov="lower,zero")
    policy("special_rows_of_padding_missing", other(1, "2"), rows=3, oov="mean", padding="1")
    policy("policy_of_20_million_rows", other(0, "20,000,000"), oov="hash:20000000")
    policy("policy_of_4_billion_rows", other(0, "4,294,967,296"), oov="hash:4294967296")
    policy("policy_of_millions_of_ngrams", other(0, "2,000,000"), oov="subword", subword="3,6,2000000")
    policy("policy_unknown", f":embstore.oov: oov: 'nonsense' is not a back-off or an ending {known}", oov="nonsense")
    policy(
        "policy_out_of_range",
        ":embstore.oov: oov 'hash:4294967297': expected 1 to 4,294,967,296 buckets and 1 to 256 hashes; "
        "if it is a policy of a later version, upgrade embstore",
        oov="hash:4294967297",
    )
    policy(
        "policy_without_its_ngrams",
        ":embstore.oov: oov 'subword' needs the rows of character n-grams, such as those of a fastText .bin file or "
        "of a store made from one; this store has none",
        oov="subword",
    )
    policy(
        "policy_with_odd_ngrams",
        ":embstore.oov: oov 'subword': the header of this store has embstore.subword='3,6', expected three numbers "
        "such as '3,6,2000000', the second at most 100; convert the model again, or use another oov",
        oov="subword",
        subword="3,6",
    )


def _checksums(invalid: Any) -> None:
    """Write headers without their checksum, or with a wrong one."""
    text = json.dumps(PLAIN.header())
    absent = "; convert its source again, or read its words and vectors unchecked with `format='safetensors'`"
    for name, key in (("no_checksum_of_the_header", "embstore.sha256.header"), ("no_version", "embstore.version")):
        header = PLAIN.header()
        del header["__metadata__"][key]
        found = f"metadata of embstore without {key}: a store from before headers had a checksum, or a damaged one"
        invalid(name, assemble(header, PLAIN.data()), "{path}:header: " + found + absent)
    wrong = (
        "does not have the sha256 that it states in embstore.sha256.header: damaged, or written again by another "
        "program; convert or download it again, or read its words and vectors unchecked with "
        "`format='safetensors'`"
    )
    sealed = assemble(text, PLAIN.data())
    for name, old, new in (
        ("header_transposed", b"[2, 2]", b"[1, 4]"),
        ("header_of_other_provenance", b'"pt"', b'"np"'),
        ("header_with_another_sum", sealed[sealed.index(b"sha256.header") + 17 :][:64], b"0" * 64),
    ):
        invalid(name, sealed.replace(old, new, 1), "{path}:header: " + wrong)
