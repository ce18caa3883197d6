"""Files of one array or tensor a name, whose names are the words: .npz, torch and safetensors."""

from __future__ import annotations

import struct
import warnings
from pathlib import Path
from typing import Any

from makers import numpy_files, plain_safetensors, torch_files
from makers.golden import write_invalid, write_valid

WORDS: list[str | bytes] = ["the", "frog", "\u017e\u00e1ba"]
LIKE_PARAMETERS: list[str | bytes] = ["bias", "the", "weight"]
ROWS = ["0.5 -1.5", "2.25 3", "1 0.125"]
NUMBERS = [[0.5, -1.5], [2.25, 3], [1, 0.125]]
TOP = {"key": "/"}
PARAMETERS = (
    "no matrix, and of the names of its vectors, 'bias' is that of a layer's parameter; "
    "`key='/'` takes all of them for words"
)
OTHER_WORDS = "its words are the names of its vectors: leave the other words out"
BY_KEY = "names like those of parameters, taken for words by key="


def make_npz(folder: Path) -> None:
    """Write files of numpy.savez(**vectors)."""

    def members(names: list[Any], descr: str = "<f4") -> list[tuple[str, bytes]]:
        head, code = numpy_files.header(descr, "(2,)"), numpy_files.CODES[descr[1:]]
        rows = [head + struct.pack(f"<2{code}", *numbers) for numbers in NUMBERS]
        return [(f"{name}.npy", row) for name, row in zip(names, rows, strict=True)]

    def valid(name: str, about: str, names: list[Any], descr: str = "<f4", **more: Any) -> None:
        data = numpy_files.archive(*members(names, descr))
        write_valid(folder, f"{name}.npz", data, about, names, ROWS, **more)

    def invalid(name: str, reason: str, *arrays: tuple[str, bytes], **more: Any) -> None:
        write_invalid(folder, f"{name}.npz", numpy_files.archive(*arrays), f"{{path}}: {reason}", **more)

    valid("named", "one array for each word, in the order of the zip", WORDS)
    valid("named_half", "float16; a slash is part of the word", ["emb/a", "emb/b", "c"], "<f2")
    valid("named_top", BY_KEY, LIKE_PARAMETERS, read=TOP)
    invalid("named_like_parameters", PARAMETERS, *members(LIKE_PARAMETERS))
    invalid("named_and_words", OTHER_WORDS, *members(WORDS), read={"vocab": "w"})
    unnamed = [f"arr_{place}" for place in range(3)]
    listed = ", ".join(f"{name} <f4 [2]" for name in unnamed)
    invalid("named_by_numpy", f"no array of two dimensions, expected (rows, dim): {listed}", *members(unnamed))
    other = ("x.npy", numpy_files.header("<f4", "(3,)") + bytes(12))
    unlike = "'x' is <f4 [3], but 'the' <f4 [2]: expected vectors alike"
    invalid("named_unlike", unlike, *members(WORDS), other, read=TOP)
    with warnings.catch_warnings(action="ignore"):
        invalid("named_twice", "two members have the same name", *members(WORDS), members(WORDS)[0])


def make_torch(folder: Path) -> None:
    """Write files of torch.save(vectors)."""
    sizes = {"FloatStorage": "f", "HalfStorage": "e"}

    def tensors(names: list[Any], kind: str = "FloatStorage") -> tuple[bytes, list[bytes]]:
        opcodes = [
            torch_files.text(name) + torch_files.tensor(str(place), kind, 2, "2", "1")
            for place, name in enumerate(names)
        ]
        data = [struct.pack(f"<2{sizes[kind]}", *numbers) for numbers in NUMBERS]
        return b"}(" + b"".join(opcodes) + b"u", data

    def valid(name: str, about: str, value: bytes, data: list[bytes], words: list[Any] = WORDS, **more: Any) -> None:
        write_valid(folder, f"{name}.pt", torch_files.saved(value, *data), about, words, ROWS, **more)

    def invalid(name: str, reason: str, value: bytes, data: list[bytes], **more: Any) -> None:
        write_invalid(folder, f"{name}.pt", torch_files.saved(value, *data), f"{{path}}: {reason}", **more)

    named, data = tensors(WORDS)
    valid("named", "one tensor for each word", named, data)
    halves, of_halves = tensors(WORDS, "HalfStorage")
    valid("named_half", "float16", halves, of_halves)
    inside = torch_files.table(vectors=named, meta=torch_files.table(dim=torch_files.whole(2)))
    valid("named_inside", "a dictionary of one tensor a word in another", inside, data)
    two = torch_files.table(a=named, b=named)
    valid("named_by_key", "one of two dictionaries", two, data, read={"key": "b"})
    invalid(
        "named_in_two",
        "2 groups of one vector for each name may be the table: name one with `key=` (a, b)",
        two,
        data,
    )
    parameters, _ = tensors(LIKE_PARAMETERS)
    valid("named_top", BY_KEY, parameters, data, LIKE_PARAMETERS, read=TOP)
    invalid("named_like_parameters", PARAMETERS, parameters, data)
    layers = torch_files.table(x=parameters, y=parameters)
    which = "`key=` names the words (x, y)"
    reason = f"{PARAMETERS.partition(';')[0]}; {which}"
    invalid("named_like_parameters_in_two", reason, layers, data)
    invalid("named_and_words", OTHER_WORDS, named, data, read={"vocab": "w"})
    numbered = b"}(" + b"".join(
        torch_files.whole(key) + torch_files.tensor(str(place), numbers=2, shape="2", strides="1")
        for place, key in enumerate((17, -4, 5))
    )
    found = "words that are whole numbers, as decimal text: 3, the first '17'"
    valid("named_by_numbers", "keys are ids", numbered + b"u", data, ["17", "-4", "5"], warnings=(found,))


def make_safetensors(folder: Path) -> None:
    """Write files of safetensors' save_file(vectors)."""

    def parts(names: list[Any], dtype: str = "F32") -> list[Any]:
        made = [plain_safetensors.matrix(name, dtype, [row]) for name, row in zip(names, ROWS, strict=True)]
        return [(name, kind, shape[1:], data) for name, kind, shape, data in made]

    def valid(name: str, about: str, names: list[Any], dtype: str = "F32", **more: Any) -> None:
        data = plain_safetensors.safetensors(*parts(names, dtype), pad=more.pop("pad", 0))
        write_valid(folder, f"{name}.safetensors", data, about, names, ROWS, **more)

    def invalid(name: str, reason: str, *tensors: Any, **more: Any) -> None:
        data = plain_safetensors.safetensors(*tensors)
        write_invalid(folder, f"{name}.safetensors", data, f"{{path}}: {reason}", **more)

    for dtype in ("F32", "F16", "BF16", "F64"):
        valid(f"named_{dtype.lower()}", "one tensor for each word, in the order of the data", WORDS, dtype)
    valid("named_unaligned", "data at an odd offset", WORDS, pad=3)
    valid("named_top", BY_KEY, LIKE_PARAMETERS, read=TOP)
    invalid("named_like_parameters", PARAMETERS, *parts(LIKE_PARAMETERS))
    invalid("named_and_words", OTHER_WORDS, *parts(WORDS), read={"vocab": "w"})
    other = ("x", "F32", [3], bytes(12))
    unlike = "'x' is F32 [3], but 'the' F32 [2]: expected vectors alike"
    invalid("named_unlike", unlike, *parts(WORDS), other, read=TOP)
