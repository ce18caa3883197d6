"""What is no table at all, each kind in the format that it would be taken for; and tables that begin like it."""

from __future__ import annotations

import pickle
import struct
from pathlib import Path

from makers.golden import write_invalid, write_json, write_valid
from makers.numpy_files import array
from makers.packed import gzip_stored, zip_of

AGAIN = "the download went wrong, fetch the file again"
UNPACK = "unpack it and read the file of vectors inside"
PICKLE = "which may run any code when it is loaded. Where you trust it"
TENSORFLOW = "load it in TensorFlow, and save its matrix and its words by embstore.save"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"4d7a" * 16 + b"\nsize 862182613\n"
NOT_DOWNLOADED = (
    "a Git LFS pointer to a file of 862,182,613 bytes: the file itself was not downloaded; get it by git lfs pull, or "
    "download it"
)
PAGE = b"<!DOCTYPE html>\n<html><head><title>404 Not Found</title></head>\n</html>\n"
S3 = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code><Message>Access Denied</Message>'
    b"<RequestId>1</RequestId></Error>"
)
TEXT = b"the 1 2\nfrog 3 4\n"
WORDS: list[str | bytes] = ["the", "frog"]
BEGINNINGS = (
    "<html>", "version", "GGUF", "PK", "BZh9", "Rar!", "%PDF-1.7", "MATLAB", "(dp0", "cnn.com", "x^", "RDX3", "ustar",
    '{"error":', "model_checkpoint_path:", "Obj", "404",
)  # fmt: skip


def make(out: Path) -> None:
    """Write the files into the folders of the formats."""
    _downloads(out)
    _archives(out)
    _models(out)
    _texts(out)
    numbers = struct.pack("<20d", *(number * number % 17 / 19 - 0.43 for number in range(20)))
    listed = "words = [line.split(' ')[0].strip() for line in open('{folder}/vocab.txt', encoding='utf-8')]"
    write_invalid(
        out / "word2vec-bin",
        "numbers_of_glove.bin",
        numbers,
        "{path}: numbers (float64) without words and without a shape, not a table. If GloVe wrote it, with its words "
        f"in vocab.txt: `import embstore, numpy; {listed}; numbers = numpy.fromfile('{{path}}', 'float64'); "
        "embstore.save('{folder}/numbers_of_glove.safetensors', words, "
        "numbers.reshape(2 * len(words), -1)[:len(words), :-1])`",
    )


def _downloads(out: Path) -> None:
    for folder, name in {
        "npy": "pointer.npy", "word2vec-bin": "pointer.bin", "safetensors": "pointer.safetensors",
        "glove": "pointer.txt", "hdf5": "pointer.h5", "word2vec": "pointer.vec",
    }.items():  # fmt: skip
        write_invalid(out / folder, name, POINTER, f"{{path}}: {NOT_DOWNLOADED}")
    packed = gzip_stored(POINTER)
    write_invalid(out / "glove", "packed_pointer.txt.gz", packed, f"{{path}}: {NOT_DOWNLOADED}")
    given = {"format": "npy"}
    write_invalid(out / "npy", "pointer_as_npy.bin", POINTER, f"{{path}}: {NOT_DOWNLOADED}", read=given)
    page = f"{{path}}: a web page, '404 Not Found', not vectors: {AGAIN}"
    write_invalid(out / "npy", "web_page.npy", PAGE, page)
    write_invalid(out / "glove", "packed_web_page.gz", gzip_stored(PAGE), page)
    error = f"{{path}}: an error of the server, 'AccessDenied: Access Denied', not vectors: {AGAIN}"
    write_invalid(out / "hdf5", "error_of_s3.h5", S3, error)
    answer = f"{{path}}: the error of a server, 'Entry not found', not vectors: {AGAIN}"
    write_invalid(out / "safetensors", "entry_not_found.safetensors", b"Entry not found", answer)
    refused = b'{"error":"Repository not found"}'
    as_words = (
        f"{{folder}}/words_not_found.vocab.json: the error of a server, 'Repository not found', not words: {AGAIN}"
    )
    write_json(out / "npy" / "invalid" / "words_not_found.vocab.json", {"error": "Repository not found"})
    write_invalid(out / "npy", "words_not_found.npy", array(), as_words)
    message = f"{{path}}: the error of a server, 'Repository not found', not vectors: {AGAIN}"
    write_invalid(out / "word2vec-bin", "repository_not_found.bin", refused, message)


def _archives(out: Path) -> None:
    first = "{path}: a tar archive, whose first member is 'glove.txt', not vectors: `tar -xf {path}` unpacks it"
    write_invalid(out / "glove", "archive.tar", tar_of("glove.txt", TEXT), first)
    packed = gzip_stored(tar_of("glove.txt", TEXT))
    write_invalid(out / "glove", "packed_archive.tar.gz", packed, first)
    skipping = {"on_error": "skip", "limit": 1}
    write_invalid(out / "glove", "skipped_archive.tar.gz", packed, first, read=skipping)
    twice = "{path}: gzip within gzip, expected vectors: `gunzip -c {path} > {folder}/packed_twice.txt` unpacks it"
    write_invalid(out / "glove", "packed_twice.txt.gz", gzip_stored(gzip_stored(TEXT)), twice)
    seven = b"7z\xbc\xaf\x27\x1c\0\4" + bytes(24)
    write_invalid(out / "glove", "seven.txt", seven, f"{{path}}: a 7z archive: {UNPACK}")
    rar = b"Rar!\x1a\7\1\0" + bytes(24)
    write_invalid(out / "glove", "rar.txt", rar, f"{{path}}: a RAR archive: {UNPACK}")
    about = dict.fromkeys(("README.md", "LICENSE", ".DS_Store", "glove.txt.md5", "__MACOSX/._glove.txt"), b"x")
    files = zip_of({**about, "glove.txt": TEXT})
    write_valid(out / "glove", "zip_with_notes.zip", files, "one table and files about it", WORDS, ["1 2", "3 4"])


def _models(out: Path) -> None:
    gguf = (
        "a GGUF model of llama.cpp, which embstore does not read: convert the safetensors checkpoint that it was made "
        "from"
    )
    write_invalid(out / "word2vec-bin", "gguf.bin", b"GGUF\3\0\0\0" + bytes(24), f"{{path}}: {gguf}")
    onnx = "an ONNX model: save the matrix of its embeddings by embstore.save, in the program that exported it"
    write_invalid(out / "word2vec-bin", "onnx.bin", b"\x08\x08\x12\x07pytorch\x1a\x052.1.0:\0", f"{{path}}: {onnx}")
    pieces = (
        "a SentencePiece model, which has tokens without vectors: its words are in the .vocab file that was written "
        "with it"
    )
    model = b"\n\x0e\n\x05<unk>\x15\0\0\0\0\x18\x02"
    write_invalid(out / "word2vec-bin", "sentencepiece.bin", model, f"{{path}}: {pieces}")
    checkpoint = b'model_checkpoint_path: "model.ckpt"\n'
    message = f"{{path}}: a file of a TensorFlow checkpoint, not a table: {TENSORFLOW}"
    write_invalid(out / "glove", "checkpoint.txt", checkpoint, message)
    matlab = b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\1IM" + bytes(24)
    message = (
        "{path}: a MAT-file of MATLAB: load it by scipy.io.loadmat, and save its matrix and its words by "
        "embstore.save; files that MATLAB saves with -v7.3 are HDF5"
    )
    write_invalid(out / "hdf5", "matlab_5.h5", matlab, message)
    keras = zip_of({"metadata.json": b"{}", "config.json": b"{}", "model.weights.h5": b"x"})
    message = "{path}: a model that Keras saved: `unzip {path} model.weights.h5` unpacks its weights, which are HDF5"
    write_invalid(out / "hdf5", "model.keras", keras, message)
    script = zip_of({"m/data.pkl": b"x", "m/code/__torch__.py": b"x", "m/constants.pkl": b"x"})
    code = "import torch; torch.save(torch.jit.load('{path}').state_dict(), '{folder}/torchscript.tensors.pt')"
    message = (
        f"{{path}}: a TorchScript archive, which has code beside its tensors. Where you trust it, `{code}` saves the "
        "tensors alone"
    )
    write_invalid(out / "torch", "torchscript.pt", script, message)


def _texts(out: Path) -> None:
    wide = TEXT.decode().encode("utf-16-le")
    convert = "`iconv -f {0} -t UTF-8 {{path}} > {{folder}}/{1}.utf8.txt` converts it"
    for name, data, encoding in (
        ("utf16", b"\xff\xfe" + wide, "UTF-16"),
        ("utf16_without_mark", wide, "UTF-16LE"),
        ("utf32", b"\xff\xfe\0\0" + TEXT.decode().encode("utf-32-le"), "UTF-32"),
    ):
        message = f"{{path}}: text in {encoding}, expected UTF-8: {convert.format(encoding, name)}"
        write_invalid(out / "glove", f"{name}.txt", data, message)
    table = {"the": [1.0, 2.0], "frog": [3.0, 4.0]}
    opened = {"pickle.bin": ("", "open('{path}', 'rb')"), "packed_pickle.pkl.gz": ("gzip, ", "gzip.open('{path}')")}
    for name, (modules, opener) in opened.items():
        target = f"{{folder}}/{name.partition('.')[0]}.safetensors"
        load = f"import embstore, {modules}pickle; table = pickle.load({opener})"
        save = f"embstore.save('{target}', list(table), list(table.values()))"
        message = f"{{path}}: a pickle of words and their vectors, {PICKLE}, save what it holds: `{load}; {save}`"
        raw, is_packed = pickle.dumps(table, 4), name.endswith(".gz")
        write_invalid(
            out / ("glove" if is_packed else "word2vec-bin"), name, gzip_stored(raw) if is_packed else raw, message
        )
    for number, word in enumerate(BEGINNINGS):
        rows = f"{word} 1 2\nfrog 3 4\n".encode()
        about = f"a row that begins like something else, {word!r}"
        write_valid(out / "glove", f"begins_like_{number}.txt", rows, about, [word, "frog"], ["1 2", "3 4"])


def tar_of(name: str, data: bytes) -> bytes:
    """Return a tar archive of one file (POSIX.1-1988): a header of 512 bytes, the file, and two empty blocks."""
    header = bytearray(512)
    fields = {
        0: name.encode(), 100: b"0000644\0", 108: b"0000000\0", 116: b"0000000\0", 124: b"%011o\0" % len(data),
        136: b"00000000000\0", 148: b" " * 8, 156: b"0", 257: b"ustar\x0000",
    }  # fmt: skip
    for place, field in fields.items():
        header[place : place + len(field)] = field
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + data.ljust(-(-len(data) // 512) * 512, b"\0") + bytes(1024)
