"""Files of torch.save by their SPEC: a zip with raw numbers and a pickle, built by hand from a few opcodes."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from pathlib import Path
from typing import Any

from makers.golden import write_invalid, write_json, write_valid

WORDS: list[str | bytes] = ["the", "frog", "\u017e\u00e1ba"]
ROWS = ["0.5 -1.5", "2.25 3", "1 0.125"]
FLOATS = struct.pack("<6f", 0.5, -1.5, 2.25, 3, 1, 0.125)
HALVES = struct.pack("<6e", 0.5, -1.5, 2.25, 3, 1, 0.125)
BRAINS = b"".join(FLOATS[place + 2 : place + 4] for place in range(0, 24, 4))  # bfloat16: the upper halves
KEEP = (
    "keep = lambda x: keep(x.state_dict()) if hasattr(x, 'state_dict') else "
    "{str(k): keep(v) for k, v in x.items()} if isinstance(x, dict) else "
    "[keep(v) for v in x] if isinstance(x, (list, tuple)) else "
    "torch.as_tensor(x) if hasattr(x, '__array__') else x if isinstance(x, (str, int)) else None"
)
SAVE = "torch.save(keep(torch.load('{path}', map_location='cpu', weights_only=False)), '{path}h')"
CURE = f"if you trust it, `import torch; {KEEP}; {SAVE}` leaves them out"


def text(value: str) -> bytes:
    """Return the opcode of a string."""
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def whole(value: int) -> bytes:
    """Return the opcode of an integer."""
    return b"J" + struct.pack("<i", value)


def tensor(
    storage: str = "0", kind: str = "FloatStorage", numbers: int = 6, shape: str = "3 2", strides: str = "2 1"
) -> bytes:
    """Return the opcodes that build a tensor from a storage of numbers."""
    pieces = [b"ctorch._utils\n_rebuild_tensor_v2\n((", text("storage"), f"ctorch\n{kind}\n".encode()]
    pieces += [text(storage), text("cpu"), whole(numbers), b"tQ", whole(0)]
    for sizes in (shape, strides):
        pieces += [b"(", *(whole(int(size)) for size in sizes.split()), b"t"]
    return b"".join([*pieces, b"\x89ccollections\nOrderedDict\n)RtR"])


def table(**values: bytes) -> bytes:
    """Return the opcodes of a dictionary."""
    return b"}(" + b"".join(text(name.replace("__", ".")) + value for name, value in values.items()) + b"u"


def listed(words: list[str]) -> bytes:
    """Return the opcodes of a list of strings."""
    return b"](" + b"".join(map(text, words)) + b"e"


def saved(value: bytes, *storages: bytes) -> bytes:
    """Return the zip."""
    members = {"data.pkl": b"\x80\x02" + value + b".", "byteorder": b"little", "version": b"3\n"}
    members |= {f"data/{place}": data for place, data in enumerate(storages)}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, data in members.items():
            info = zipfile.ZipInfo(f"archive/{name}", (1980, 1, 1, 0, 0, 0))
            begins = buffer.tell() + 30 + len(info.filename) + 4
            padding = -begins % 64  # torch requires numbers at multiples of 64
            info.extra = b"FB" + struct.pack("<H", padding) + b"Z" * padding
            file.writestr(info, data)
    return buffer.getvalue()


def make(folder: Path) -> None:
    """Write the files."""

    def valid(name: str, data: bytes, about: str, words: Any = WORDS, **more: Any) -> None:
        if words is not None:
            write_json(folder / "valid" / f"{name}.vocab.json", words)
        write_valid(folder, f"{name}.pt", data, about, WORDS, ROWS, **more)

    words = ["the", "frog", "\u017e\u00e1ba"]
    valid("float32", saved(tensor(), FLOATS), "a tensor, words in a file next to it")
    valid("float16", saved(tensor(kind="HalfStorage"), HALVES), "float16")
    valid("bfloat16", saved(tensor(kind="BFloat16Storage"), BRAINS), "bfloat16")
    turned = struct.pack("<6f", 0.5, 2.25, 1, -1.5, 3, 0.125)
    valid("transposed", saved(tensor(strides="1 3"), turned), "a transposed view")
    bias = tensor("1", numbers=3, shape="3", strides="1")
    valid("state_dict", saved(table(emb__weight=tensor(), out__bias=bias), FLOATS, bytes(12)), "a state dict")
    other = table(a=tensor(), b=tensor("1"))
    valid("by_key", saved(other, FLOATS, bytes(24)), "two tensors, one selected by key=", read={"key": "a"})
    nested = table(model=table(weight=tensor()), epoch=whole(3), words=listed(words))
    valid("words_inside", saved(nested, FLOATS), "a training checkpoint that contains a list of words", None)
    stoi = table(**{word: whole(row) for row, word in enumerate(words)})
    valid(
        "torchtext", saved(b"(" + listed(words) + stoi + tensor() + whole(2) + b"t", FLOATS), "torchtext's cache", None
    )
    matrices = {"tok_embeddings__weight": tensor(), "output__weight": tensor("1"), "wpe__weight": tensor("1")}
    valid("known_name", saved(table(**matrices), FLOATS, bytes(24)), "a known name among other matrices")
    tied = table(encoder__embed_tokens__weight=tensor(), decoder__embed_tokens__weight=tensor())
    valid("tied", saved(tied, FLOATS), "two names of one tensor")
    pair = b"(" + listed(words) + tensor() + b"t"
    valid("pair", saved(pair, FLOATS), "a tuple of words and a tensor", None)
    alone = ("rows of lm_head.weight, the output layer of a model, not its embeddings: 3",)
    output = saved(table(lm_head__weight=tensor()), FLOATS)
    valid("output_layer", output, "the output layer alone", warnings=alone)
    _folders(folder)
    _invalid(folder, other)


def _folders(folder: Path) -> None:
    known = table(bert__embeddings__word_embeddings__weight=tensor(), bert__pooler__weight=tensor("1"))
    whole = saved(known, FLOATS, bytes(24))
    listing = "".join(f"{word!s}\n" for word in WORDS).encode()
    other = saved(table(lm_head__weight=tensor()), bytes(24))
    names = [f"pytorch_model-0000{number}-of-00002.bin" for number in (1, 2)]
    places = {"lm_head.weight": names[1], "bert.embeddings.word_embeddings.weight": names[0]}
    index = json.dumps({"metadata": {"total_size": 72}, "weight_map": places}, indent=2).encode()
    modules = [
        {"idx": 0, "name": "0", "path": "0_WordEmbeddings", "type": "sentence_transformers.models.WordEmbeddings"}
    ]
    config = {"vocab": WORDS, "stop_words": [], "do_lower_case": False}
    folders = {
        "folder": ({"pytorch_model.bin": whole, "vocab.txt": listing}, "a folder with a checkpoint"),
        "folder_of_shards": (
            {"pytorch_model.bin.index.json": index, names[0]: whole, names[1]: other, "vocab.txt": listing},
            "a folder with an index of shards",
        ),
        "folder_of_word_embeddings": (
            {
                "modules.json": json.dumps(modules).encode(),
                "0_WordEmbeddings/pytorch_model.bin": saved(table(emb_layer__weight=tensor()), FLOATS),
                "0_WordEmbeddings/whitespacetokenizer_config.json": json.dumps(config).encode(),
            },
            "sentence-transformers' WordEmbeddings",
        ),
    }
    for name, (files, about) in folders.items():
        write_valid(folder, name, files, about, WORDS, ROWS)


def _invalid(folder: Path, two: bytes) -> None:
    def invalid(name: str, data: bytes, message: str, **more: Any) -> None:
        write_json(folder / "invalid" / f"{name}.vocab.json", WORDS)
        write_invalid(folder, f"{name}.pt", data, f"{{path}}{message}", **more)

    code = b"cposix\nsystem\n(" + text("true") + b"tR"
    invalid("code", saved(code), f": contains Python objects (posix.system), which would be unpickled: {CURE}")
    names = "a float32 [3, 2], b float32 [3, 2]"
    several = f": 2 tensors may be the table: name one with `key=` ({names})"
    invalid("two_tensors", saved(two, FLOATS, FLOATS), several)
    invalid("unknown_key", saved(two, FLOATS, FLOATS), f": no tensor 'c': it has {names}", read={"key": "c"})
    numbers = saved(tensor(kind="ShortStorage"), bytes(12))
    reason = "whole numbers (int16), not embeddings; `dtype='float32'` converts them"
    invalid("whole_numbers", numbers, f": {reason}")
    expanded = saved(tensor(numbers=1, shape="1000000000 2", strides="0 0"), bytes(4))
    invalid("expanded", expanded, ": 8,000,000,000 bytes of rows in a storage of 4: an expanded view")
    save = "torch.save(torch.load('{path}', map_location='cpu', weights_only=True), '{path}h')"
    old = f"`import torch; {save}` converts it"
    quantized = saved(table(wte__weight=tensor(kind="ByteStorage"), wte__SCB=tensor("1")), bytes(6), FLOATS)
    reason = "quantized: uint8 [3, 2], to be scaled by wte.SCB, which embstore cannot do"
    invalid("quantized", quantized, f":wte.weight: {reason}; read the checkpoint that it was made from")
    legacy = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
    invalid("legacy", legacy, f": written by torch before 1.6, so it cannot be memory-mapped: {old}")
