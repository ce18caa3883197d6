"""Plain safetensors files: layouts found in practice, and matrices that do not match their words."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

from makers.golden import write_invalid, write_json, write_valid
from makers.store_file import assemble, encode

WORDS: list[str | bytes] = ["the", "frog", "\u0120queen"]
ROWS = ["0.5 -1.5", "2.25 3", "1 0.125"]
Part = tuple[str, str, list[int], bytes]


def make(folder: Path) -> None:
    """Write the files."""
    _layouts(folder / "valid", folder)
    _folders(folder)
    _words(folder / "valid", folder)
    _invalid(folder / "invalid", folder)


def matrix(name: str, dtype: str = "F32", rows: list[str] = ROWS) -> Part:
    """Return a matrix given in decimals as a tensor of a file."""
    numbers = [number for row in rows for number in row.split()]
    data = struct.pack(f"<{len(numbers)}d", *map(float, numbers)) if dtype == "F64" else b""
    data = data or b"".join(encode(number, dtype) for number in numbers)
    return name, dtype, [len(rows), len(rows[0].split())], data


def safetensors(*parts: Part, pad: int = 0) -> bytes:
    """Assemble a file; `pad` spaces after the header make the data unaligned."""
    header, end = {}, 0
    for name, dtype, shape, data in parts:
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [end, end + len(data)]}
        end += len(data)
    text = json.dumps(header).encode() + b" " * pad
    return assemble(text, b"".join(part[3] for part in parts), 1 if pad else 8)


def _layouts(valid: Path, folder: Path) -> None:
    def write(name: str, about: str, *parts: Part, rows: list[str] = ROWS, pad: int = 0, **more: Any) -> None:
        write_json(valid / f"{name}.vocab.json", WORDS)
        write_valid(folder, f"{name}.safetensors", safetensors(*parts, pad=pad), about, WORDS, rows, **more)

    bias: Part = ("layer.bias", "F32", [2], bytes(8))
    other = matrix("layer.weight", "F32", ["1 1"] * 3)
    position = matrix("bert.embeddings.position_embeddings.weight", "F32", ["1 1"] * 3)
    for dtype in ("F16", "BF16", "F64"):
        write(dtype.lower(), f"rows of {dtype}", matrix("vectors", dtype))
    write("unaligned", "data at an odd offset", ("a", "U8", [1], b"\1"), matrix("vectors"), pad=3)
    write("static_embedding", "sentence-transformers' StaticEmbedding", matrix("embedding.weight"))
    write("bert", "BERT", position, matrix("bert.embeddings.word_embeddings.weight"), other)
    write("gpt2", "GPT-2", bias, matrix("transformer.wte.weight"), matrix("transformer.wpe.weight", "F32", ["1 1"]))
    write("llama", "Llama", other, matrix("model.embed_tokens.weight", "BF16"))
    write("one_matrix", "a single matrix with an unknown name", bias, matrix("unheard.of"))
    write("by_key", "one of several matrices, by its name", other, matrix("x"), read={"key": "x"})
    mapping: Part = ("mapping", "I64", [3], struct.pack("<3q", 1, 0, 1))
    weights: Part = ("weights", "F64", [3], struct.pack("<3d", 2, 1, 0.5))
    shared = [matrix("embeddings", "F16", ROWS[:2]), mapping]
    write("model2vec", "two rows shared by three tokens", *shared, rows=[ROWS[1], ROWS[0], ROWS[1]])
    write(
        "model2vec_weights",
        "two rows shared by three tokens, with a weight per token",
        *shared,
        weights,
        rows=["4.5 6", "0.5 -1.5", "1.125 1.5"],
    )


def _folders(folder: Path) -> None:
    words = json.dumps(
        {"model": {"type": "WordLevel", "vocab": {word: row for row, word in enumerate(WORDS)}}}
    ).encode()
    whole, other = safetensors(matrix("embedding.weight")), safetensors(matrix("lm_head.weight", "F32", ["1 1"] * 3))
    shard, index = "model-00001-of-00001.safetensors", {"embedding.weight": "model-00001-of-00001.safetensors"}
    shards = {"model.safetensors.index.json": json.dumps({"weight_map": index}).encode(), shard: whole}
    inside = {
        f"0_StaticEmbedding/{name}": data for name, data in (("model.safetensors", whole), ("tokenizer.json", words))
    }
    folders = {
        "folder": ({"model.safetensors": whole, "tokenizer.json": words}, "a folder with a model"),
        "folder_of_shards": (
            {**shards, "model.safetensors": other, "tokenizer.json": words},
            "a folder with an index of shards, which comes before a model",
        ),
        "folder_of_sentence_transformers": ({"modules.json": b"[]", **inside}, "a folder with a model in a subfolder"),
    }
    for name, (files, about) in folders.items():
        write_valid(folder, name, files, about, WORDS, ROWS)


def _words(valid: Path, folder: Path) -> None:
    whole = safetensors(matrix("vectors"))
    added = [{"id": 2, "content": "\u0120queen", "special": True}]
    unigram = {"type": "Unigram", "vocab": [["the", -1.5], ["frog", 0]]}
    lists: dict[str, Any] = {
        "words_object": {"frog": 1, "\u0120queen": 2, "the": 0},
        "tokenizer_object": {"model": {"type": "BPE", "vocab": {"frog": 1, "the": 0}}, "added_tokens": added},
        "tokenizer_unigram": {"model": unigram, "added_tokens": added},
    }
    for name, words in lists.items():
        write_json(valid / f"{name}.vocab.json", words)
        write_valid(folder, f"{name}.safetensors", whole, "words by row, in any order", WORDS, ROWS)
    write_json(valid / "rows_without_words.vocab.json", {"c": 2, "a": 0, "A": 0})
    found = ("rows without a word left out: 1",)
    rows = [ROWS[0], ROWS[0], ROWS[2]]
    about = "one row has two words, another has none"
    write_valid(folder, "rows_without_words.safetensors", whole, about, ["a", "A", "c"], rows, warnings=found)


def _invalid(invalid: Path, folder: Path) -> None:
    def write(name: str, message: str, *parts: Part, words: Any = WORDS, **more: Any) -> None:
        write_json(invalid / f"{name}.vocab.json", words)
        write_invalid(folder, f"{name}.safetensors", safetensors(*parts), f"{{path}}{message}", **more)

    whole, foreign = matrix("vectors"), "these words belong to another file"
    twice = [matrix(f"{side}.embed_tokens.weight") for side in ("decoder", "encoder")]
    listed = "decoder.embed_tokens.weight, encoder.embed_tokens.weight"
    write("several_tables", f": 2 tensors may be the table: name one with key= ({listed})", *twice)
    numbers: Part = ("ids", "I64", [3, 1], bytes(24))
    flat: Part = ("ids", "I64", [3], bytes(24))
    write("no_matrix", ": no tensor may be the table: name one with key= (ids I64 [3])", flat)
    message = ":ids: whole numbers (I64), not embeddings; --dtype float32 converts them"
    write("whole_numbers", message, numbers)
    write("no_such_key", ": no tensor 'nix': it has vectors", whole, read={"key": "nix"})
    write("too_many_words", f":vectors: 3 rows, but a word has row 3: {foreign}", whole, words=["a", "b", "c", "d"])
    mapping: Part = ("mapping", "I64", [3], struct.pack("<3q", 0, 1, 3))
    write("mapping_beyond", f":embeddings: 3 rows, but a word has row 3: {foreign}", matrix("embeddings"), mapping)
    weights: Part = ("weights", "F32", [2], bytes(8))
    write("weights_too_few", f":weights: 2 rows, but a word has row 2: {foreign}", matrix("embeddings"), weights)
