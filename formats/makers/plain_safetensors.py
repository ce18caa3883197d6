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


KNOWN = [  # name of the golden file, library, the table, tensors beside it
    ("llama_meta", "Llama as Meta wrote it", "tok_embeddings.weight", "output.weight"),
    ("gpt_neox", "GPT-NeoX", "gpt_neox.embed_in.weight", "embed_out.weight"),
    (
        "clip",
        "CLIP",
        "text_model.embeddings.token_embedding.weight",
        "text_model.embeddings.position_embedding.weight",
        "text_projection.weight",
    ),
    ("xlnet", "XLNet", "transformer.word_embedding.weight", "lm_loss.weight"),
    ("t5", "T5", "shared.weight", "encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "lm_head.weight"),
    ("rwkv", "RWKV", "emb.weight", "head.weight", "blocks.0.att.key.weight"),
    ("rwkv_hugging_face", "RWKV as Hugging Face has it", "rwkv.embeddings.weight", "head.weight"),
    ("bloom", "Bloom", "word_embeddings.weight", "h.0.mlp.dense_h_to_4h.weight"),
]


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
    for name, about, table, *others in KNOWN:
        write(name, about, matrix(table), *(matrix(beside, "F32", ["1 1"] * 3) for beside in others))
    alone = ("rows of lm_head.weight, the output layer of a model, not its embeddings: 3",)
    write("output_layer", "the output layer alone", matrix("lm_head.weight"), bias, warnings=alone)
    tied = [matrix(f"{side}.embed_tokens.weight") for side in ("decoder", "encoder")]
    write("tied_copies", "equal copies of a table", *tied, other)
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
    layer = matrix("emb_layer.weight")
    modules = [
        {"idx": 0, "name": "0", "path": "0_WordEmbeddings", "type": "sentence_transformers.models.WordEmbeddings"}
    ]
    config = {"vocab": WORDS, "stop_words": ["the"], "do_lower_case": False}
    folders["folder_of_word_embeddings"] = (
        {
            "modules.json": json.dumps(modules).encode(),
            "0_WordEmbeddings/model.safetensors": safetensors(layer),
            "0_WordEmbeddings/whitespacetokenizer_config.json": json.dumps(config).encode(),
        },
        "sentence-transformers' WordEmbeddings",
    )
    for name, (files, about) in folders.items():
        write_valid(folder, name, files, about, WORDS, ROWS)
    files = {"b.safetensors": whole, "README.md": b"#" * 999, "old/a.txt": b"the 1\n", "a.txt": b"the 1 2\n"}
    reason = "a folder that is not known as a table: name one of its files (b.safetensors, a.txt, old/, README.md)"
    write_invalid(folder, "folder_of_other_files", files, f"{{path}}: {reason}")
    splits = {
        "dataset_dict.json": b'{"splits": ["train", "test"]}',
        "test/state.json": b"{}",
        "train/state.json": b"{}",
    }
    reason = "a folder of several datasets, one for each split: name one of them (test/, train/)"
    write_invalid(folder, "folder_of_splits", splits, f"{{path}}: {reason}")


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
    twice = [
        matrix("decoder.embed_tokens.weight"),
        matrix("encoder.embed_tokens.weight", "F32", ["1 1"] * 3),
        matrix("layer.weight"),
    ]
    listed = "decoder.embed_tokens.weight F32 [3, 2], encoder.embed_tokens.weight F32 [3, 2]"
    write("several_tables", f": 2 tensors may be the table: name one with `key=` ({listed})", *twice)
    listed = "my_embedding F32 [3, 2], large F32 [4, 2], small F32 [3, 2]"
    several = matrix("small"), matrix("large", "F32", ["1 1"] * 4), matrix("my_embedding")
    write("several_unknown", f": 3 tensors may be the table: name one with `key=` ({listed})", *several)
    positions = matrix("position_embeddings.weight")
    message = f": no tensor may be the table: name one with `key=` ({positions[0]} F32 [3, 2])"
    write("positions", message, positions)
    codes: Part = ("model.embed_tokens.weight", "U32", [3, 2], bytes(24))
    scales, biases = (matrix(f"model.embed_tokens.{part}", "F16", ["1"] * 3) for part in ("scales", "biases"))
    names = "model.embed_tokens.biases and model.embed_tokens.scales"
    quantized = f"quantized: U32 [3, 2], to be scaled by {names}, which embstore cannot do"
    message = f":{codes[0]}: {quantized}; read the checkpoint that it was made from"
    write("quantized_mlx", message, codes, scales, biases)
    numbers: Part = ("ids", "I64", [3, 1], bytes(24))
    flat: Part = ("ids", "I64", [3], bytes(24))
    write("no_matrix", ": no tensor may be the table, as none is a matrix: it has ids I64 [3]", flat)
    message = ":ids: whole numbers (I64), not embeddings; `dtype='float32'` converts them"
    write("whole_numbers", message, numbers)
    write("no_such_key", ": no tensor 'nix': it has vectors F32 [3, 2]", whole, read={"key": "nix"})
    write("too_many_words", f":vectors: 3 rows, but a word has row 3: {foreign}", whole, words=["a", "b", "c", "d"])
    mapping: Part = ("mapping", "I64", [3], struct.pack("<3q", 0, 1, 3))
    write("mapping_beyond", f":embeddings: 3 rows, but a word has row 3: {foreign}", matrix("embeddings"), mapping)
    weights: Part = ("weights", "F32", [2], bytes(8))
    write("weights_too_few", f":weights: 2 rows, but a word has row 2: {foreign}", matrix("embeddings"), weights)
