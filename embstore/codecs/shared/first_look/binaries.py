"""Binary files of other programs, by their first bytes, which no text and no table begins with."""

from __future__ import annotations

import re

from embstore.codecs.shared.first_look.first_bytes import FirstBytes

UNPACK = "unpack it and read the file of vectors inside"
TENSORFLOW = "load it in TensorFlow, and save its matrix and its words by embstore.save"
BEGINNINGS = {
    **{
        b"GGUF" + bytes((version, 0, 0, 0)): "a GGUF model of llama.cpp, which embstore does not read: "
        "convert the safetensors checkpoint that it was made from"
        for version in (1, 2, 3, 4)
    },
    b"7z\xbc\xaf\x27\x1c": f"a 7z archive: {UNPACK}",
    b"Rar!\x1a\x07": f"a RAR archive: {UNPACK}",
    b"\x04\x22\x4d\x18": "packed by lz4, which embstore does not read: unpack it first",
    b"LZIP\x01": "packed by lzip, which embstore does not read: unpack it first",
    b"\x1f\x9d\x90": "packed by compress (.Z), which embstore does not read: unpack it first",
    b"PK\5\6": "a zip without members",
    b"PK\7\x08PK\3\4": "one part of a zip in several parts: join them, and unpack it first",
    b"RDX2\nX\n": "data of R (.RData): write the table from R as text, each word in front of its numbers",
    b"RDX3\nX\n": "data of R (.RData): write the table from R as text, each word in front of its numbers",
    b"X\n\0\0\0\2\0": "an object of R (.rds): write the table from R as text, each word in front of its numbers",
    b"X\n\0\0\0\3\0": "an object of R (.rds): write the table from R as text, each word in front of its numbers",
    b"\0\5\x16\7\0\2\0\0": "macOS's notes about another file, of the same name without ._: read that file",
    b"\xac\xed\0\5": "serialized objects of Java: write the table from that program as text",
    b"Obj\1": "an Avro file: convert it to Parquet",
    b"\x89PNG\r\n\x1a\n": "an image (PNG), not vectors",
    b"\x7fELF\1\1\1": "a program, not vectors",
    b"\x7fELF\2\1\1": "a program, not vectors",
}
FIRST = tuple(BEGINNINGS)
PDF = re.compile(rb"%PDF-[12]\.[0-9][\r\n]")
CHECKPOINT = re.compile(rb'model_checkpoint_path: "[^"\n]{1,1000}"\r?\n')
PART = re.compile(r".{1,200}\.data-[0-9]{5}-of-[0-9]{5}", re.DOTALL)
TABLE_END = bytes(8) + b"\x57\xfb\x80\x8b\x24\x75\x47\xdb"  # of LevelDB's tables, such as the .index of a checkpoint
ONNX_FIELDS = (b"\x1a", b"\x22", b"\x28", b"\x32", b"\x3a")
PRODUCER = re.compile(rb"[\x20-\x7e]{1,100}", re.DOTALL)
FORMATS = {
    b"\x93NUMPY": "NumPy's .npy",
    b"\x89HDF\r\n\x1a\n": "HDF5",
    b"PAR1": "Parquet",
    b"ARROW1\0\0": "Arrow",
    b"FEA1": "Feather",
    b"SQLite format 3\0": "an SQLite database",
    b"FiFu": "finalfusion",
    b"\xba\x16\x4f\x2f": "a fastText model",
}
FIRST_OF_FORMATS = tuple(FORMATS)


def binary(look: FirstBytes) -> str | None:
    """Name a file by its first bytes."""
    head = look.head
    if head.startswith(FIRST):
        return next(reason for magic, reason in BEGINNINGS.items() if head.startswith(magic))
    if head.startswith(b"MATLAB 5.0 MAT-file") and head[126:128] in (b"IM", b"MI"):
        return (
            "a MAT-file of MATLAB: load it by scipy.io.loadmat, and save its matrix and its words by embstore.save; "
            "files that MATLAB saves with -v7.3 are HDF5"
        )
    if PDF.match(head):
        return "a PDF document, not vectors"
    if head[4:8] == b"TFL3" and look.looks_binary():
        return f"a TensorFlow Lite model, not a table: {TENSORFLOW}"
    if head[16:20] == b"\xde\xc0\xef\xbe":
        return "an LMDB database: write its words and vectors from the program that made it, by embstore.save"
    return None


def protobuf(look: FirstBytes) -> str | None:
    """Name SentencePiece, ONNX and SavedModel, whose messages begin with fields of their own.

    https://protobuf.dev/programming-guides/encoding describes the fields.
    """
    head = look.head
    if head[:1] == b"\n" and head[2:3] == b"\n" and _is_piece(head):
        has = "has tokens without vectors" if look.role == "table" else "is no list of words"
        return f"a SentencePiece model, which {has}: its words are in the .vocab file that was written with it"
    if head[:1] == b"\x08" and head[2:3] == b"\x12" and 0 < head[1] < 64:
        if _is_produced(head):
            return "an ONNX model: save the matrix of its embeddings by embstore.save, in the program that exported it"
        if head[1] == 1 and look.looks_binary(16):
            return f"a SavedModel of TensorFlow, not a table: {TENSORFLOW}"
    return None


def _is_produced(head: bytes) -> bool:
    """Return whether the name of a producer follows the version, and then another field of an ONNX model."""
    end = 4 + head[3] if len(head) > 3 else 0
    return 4 < end < 104 and PRODUCER.fullmatch(head, 4, end) is not None and head[end : end + 1] in ONNX_FIELDS


def _is_piece(head: bytes) -> bool:
    """Return whether a message begins with a piece of text and its score, as SentencePiece's do."""
    if len(head) < 12 or not 7 <= head[1] < 128:
        return False
    size = head[3]
    return 0 < size < head[1] and size + 7 <= head[1] and head[4 + size : 5 + size] == b"\x15"


def tensorflow_checkpoint(look: FirstBytes) -> str | None:
    """Name the files of a checkpoint: its list, its index, its data, which has no first bytes of its own."""
    is_data = PART.fullmatch(look.content_name) is not None and look.looks_binary(4096)
    if CHECKPOINT.match(look.head) or is_data or look.read_tail().endswith(TABLE_END):
        return f"a file of a TensorFlow checkpoint, not a table: {TENSORFLOW}"
    return None


def other_format(look: FirstBytes) -> str | None:
    """Name a binary format of tables, where words are expected."""
    if look.role == "table":
        return None
    head, kind = look.head, None
    if look.role == "words" and look.path.suffix.lower() == ".npy" and head.startswith(b"\x93NUMPY"):
        return None  # an array of words
    if head.startswith(FIRST_OF_FORMATS) and look.looks_binary():
        kind = next(name for magic, name in FORMATS.items() if head.startswith(magic))
    elif head[4:9] == b"\0\0\0\0{":
        kind = "safetensors"
    return f"{kind}, expected {'a list of words' if look.role == 'words' else 'a text'}" if kind else None
