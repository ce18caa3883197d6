"""The header of a safetensors file: written reproducibly, read strictly and quickly."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given

from embstore.core.errors import EmbstoreError, FormatError, UnsupportedVersionError
from embstore.files.input import Input
from embstore.store import header as layout

F32: dict[str, Any] = {"dtype": "F32", "shape": [1, 2], "data_offsets": [0, 8]}


NUMPY = {"F32": "<f4", "U8": "u1", "I64": "<i8"}
TENSORS = st.lists(st.tuples(st.sampled_from(list(NUMPY)), st.lists(st.integers(0, 4), max_size=3)), max_size=4)
METADATA = st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3)


def packed(header: Any, data: bytes = bytes(8)) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def header_of(path: Path, raw: bytes) -> layout.Header:
    path.write_bytes(raw)
    with Input(path) as source:
        return layout.read_header(source)


def refusal_of_header(tmp_path: Path, raw: bytes) -> str:
    path = tmp_path / "t"
    with pytest.raises(FormatError) as caught:
        header_of(path, raw)
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(f"{path}:").removeprefix(" ")


def test_the_contents_of_a_header(tmp_path: Path) -> None:
    entries = {"b": {"dtype": "U8", "shape": [3], "data_offsets": [8, 11]}, "a": F32}
    raw = packed({"__metadata__": {"format": "pt"}, **entries}, bytes(11))
    header = header_of(tmp_path / "t", raw)
    start = len(raw) - 11
    assert header.metadata == {"format": "pt"}
    assert header.tensors == {
        "a": layout.Tensor("F32", (1, 2), start, start + 8),
        "b": layout.Tensor("U8", (3,), start + 8, start + 11),
    }
    assert not header.is_store


@given(tensors=TENSORS, metadata=METADATA)
def test_what_the_safetensors_package_writes_is_read(
    tmp_path: Path, tensors: list[tuple[str, list[int]]], metadata: dict[str, str]
) -> None:
    arrays = {f"t{i}": np.zeros(shape, NUMPY[dtype]) for i, (dtype, shape) in enumerate(tensors)}
    header = header_of(tmp_path / "t", safetensors.numpy.save(arrays, metadata=metadata or None))
    assert header.metadata == metadata
    found = {name: (tensor.dtype, list(tensor.shape)) for name, tensor in header.tensors.items()}
    assert found == {f"t{i}": tensor for i, tensor in enumerate(tensors)}


@given(tensors=TENSORS, metadata=METADATA)
def test_what_is_built_is_read_back_by_both(
    tmp_path: Path, tensors: list[tuple[str, list[int]]], metadata: dict[str, str]
) -> None:
    entries = [(f"t{i}", dtype, tuple(shape)) for i, (dtype, shape) in enumerate(tensors)]
    head = layout.build_header(entries, metadata)
    assert len(head) % layout.ALIGNMENT == 0
    size = sum(layout.ITEMSIZE[dtype] * int(np.prod(shape)) for _, dtype, shape in entries)
    header = header_of(tmp_path / "t", head + bytes(size))
    assert header.metadata == metadata
    assert {name: (t.dtype, t.shape) for name, t in header.tensors.items()} == {name: (d, s) for name, d, s in entries}
    theirs = safetensors.numpy.load(head + bytes(size))
    assert {name: array.shape for name, array in theirs.items()} == {name: shape for name, _, shape in entries}


def test_a_header_does_not_depend_on_the_order_of_its_metadata() -> None:
    notes = {"b": "2", "a": "1", "c": "\u00e9\ud800"}
    backwards = dict(reversed(notes.items()))
    head = layout.build_header([("x", "F32", (1,))], notes)
    assert head == layout.build_header([("x", "F32", (1,))], backwards)
    assert head[8:].isascii()


def test_a_header_must_fit_into_the_reserved_space() -> None:
    assert len(layout.build_header([], {}, 8192)) == 8192
    with pytest.raises(ValueError, match=r"^a header of 5025 bytes does not fit into the 4096 bytes reserved for it$"):
        layout.build_header([], {"a": "x" * 5000}, 4096)


def test_spaces_around_the_header_are_read(tmp_path: Path) -> None:
    assert list(header_of(tmp_path / "t", packed(b"  " + json.dumps({"a": F32}).encode() + b" \n ")).tensors) == ["a"]


JSON = "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"
SIZES = "shape and data_offsets must be lists of whole numbers, none negative"
DTYPES = "BOOL, U8, I8, F8_E4M3, F8_E5M2, F8_E8M0, I16, U16, F16, BF16, I32, U32, F32, I64, U64, F64, C64"
U8 = {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}
BAD_HEADERS: list[tuple[Any, str]] = [
    ([], "header: must be a JSON object"),
    (b'{"a":1,"a":2}', "header: the key 'a' appears twice"),
    (b'{"a":{"dtype":"F32","dtype":"F32"}}', "header: the key 'dtype' appears twice"),
    (b"{a", f"header: not the JSON of a safetensors header: {JSON}"),
    (b"[" * 100_000, "header: nested too deeply to be a safetensors header"),
    ({"__metadata__": {"a": 1}, "a": F32}, "__metadata__: must map strings to strings"),
    ({"__metadata__": [], "a": F32}, "__metadata__: must map strings to strings"),
    ({"a": 1}, "a: a tensor must have dtype, shape and data_offsets, and nothing else"),
    ({"a": {**F32, "more": 1}}, "a: a tensor must have dtype, shape and data_offsets, and nothing else"),
    ({"a": {**F32, "dtype": "F33"}}, f"a: unknown dtype 'F33', expected one of {DTYPES}"),
    ({"a": {**F32, "dtype": ["F32"]}}, f"a: unknown dtype '['F32']', expected one of {DTYPES}"),
    ({"a": {**F32, "shape": [-1, -2]}}, f"a: {SIZES}"),
    ({"a": {**F32, "shape": [1.0, 2]}}, f"a: {SIZES}"),
    ({"a": {**F32, "shape": [True, 2]}}, f"a: {SIZES}"),
    ({"a": {**F32, "data_offsets": [0]}}, f"a: {SIZES}"),
    ({"a": {**F32, "shape": [1] * 65}}, "a: 65 dimensions, expected at most 64"),
    ({"a": {**F32, "shape": [1 << 62]}}, "a: 8 bytes, but F32 [4611686018427387904] needs more than any file has"),
    ({"a": {**F32, "data_offsets": [8, 0]}}, "a: -8 bytes, but F32 [1, 2] needs 8"),
    ({"a": {**F32, "shape": [3]}}, "a: 8 bytes, but F32 [3] needs 12"),
    ({"a": F32, "b": F32}, "b: begins at byte 0 of the data and overlaps the tensor before it, which ends at 8"),
    ({}, "8 bytes after the last tensor, expected none: something was appended"),
    ({"a": {**U8, "data_offsets": [4, 8]}},
     "a: begins at byte 4 of the data and leaves a gap after the tensor before it, which ends at 0"),
    ({"a": U8}, "4 bytes after the last tensor, expected none: something was appended"),
]  # fmt: skip


@pytest.mark.parametrize(("header", "message"), BAD_HEADERS)
def test_headers_that_are_wrong(tmp_path: Path, header: Any, message: str) -> None:
    assert refusal_of_header(tmp_path, packed(header)) == message


def test_a_tensor_beyond_the_end(tmp_path: Path) -> None:
    raw = packed({"a": F32}, bytes(7))
    assert (
        refusal_of_header(tmp_path, raw)
        == f"a: ends at byte {len(raw) + 1} of a file of {len(raw)}: the file is cut short"
    )


def test_wrong_lengths(tmp_path: Path) -> None:
    assert refusal_of_header(tmp_path, b"1234567") == "7 bytes, too short for a safetensors file"
    raw = packed({"a": F32})
    wrong = (1 << 63).to_bytes(8, "little") + raw[8:]
    message = "states a header of 9,223,372,036,854,775,808 bytes in a file of"
    assert refusal_of_header(tmp_path, wrong) == f"{message} {len(raw)}: not a safetensors file, or cut short"
    large = packed(b" " * ((1 << 20) + 1))
    assert (
        refusal_of_header(tmp_path, large) == "a header of 1,048,577 bytes, more than the 1,048,576 that embstore reads"
    )


def test_a_later_version_is_refused_and_unknown_metadata_is_not(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedVersionError) as caught:
        header_of(tmp_path / "t", packed({"__metadata__": {"embstore.version": "2.0"}, "a": F32}))
    reason = "a store of version 2.0; this embstore reads version 1: upgrade embstore"
    assert str(caught.value) == f"{tmp_path / 't'}: {reason}"
    notes = {"embstore.version": "1.7", "embstore.new": "x"}
    raw = layout.build_header([("a", "U8", (0,))], notes)
    metadata = header_of(tmp_path / "t", raw).metadata
    assert metadata == notes | {"embstore.sha256.header": metadata["embstore.sha256.header"]}


def test_hostile_headers_of_a_megabyte_are_refused_at_once(tmp_path: Path) -> None:
    keys = ",".join(f'"{i:x}":0' for i in range(90_000))
    one = '{"dtype":"U8","shape":[0],"data_offsets":[0,0]}'
    many = ",".join(f'"{i:x}":{one}' for i in range(18_000))
    cases = [f"{{{keys},\"1\":0}}", f"{{{keys}}}", f'{{{many}}}', '{"a":' * 150_000, f'{{"a":{"9" * 900_000}}}',
             f'{{"a":{{"dtype":"{"F" * 900_000}","shape":[],"data_offsets":[0,0]}}}}',
             f'{{"a":{{"dtype":"U8","shape":[{"9," * 400_000}9],"data_offsets":[0,0]}}}}',
             f'{{"{"n" * 900_000}":0}}']  # fmt: skip
    start = time.monotonic()
    for case in cases:
        assert len(case) < layout.MAX_HEADER
        assert len(refusal_of_header(tmp_path, packed(case.encode()))) < 300
    assert time.monotonic() - start < 5


def read_or_refused(tmp_path: Path, raw: bytes) -> None:
    message = ""
    try:
        header_of(tmp_path / "t", raw)
    except EmbstoreError as error:
        message = str(error)
    assert "\n" not in message


@given(raw=st.binary(max_size=200), header=st.booleans())
def test_random_bytes_are_refused_or_read(tmp_path: Path, raw: bytes, header: bool) -> None:
    read_or_refused(tmp_path, packed(raw, b"") if header else raw)


@given(text=st.text(max_size=30), at=st.integers(0, 120))
def test_text_spliced_into_a_good_header(tmp_path: Path, text: str, at: int) -> None:
    good = json.dumps({"__metadata__": {"format": "pt"}, "a": F32}).encode()
    read_or_refused(tmp_path, packed(good[:at] + text.encode() + good[at + len(text) :]))
