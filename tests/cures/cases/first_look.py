"""Cures of inputs that are no table at all: what exports, unpacks or converts them."""

from __future__ import annotations

import bz2
import gzip
import lzma
import pickle
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from support.archives import zipped
from support.foreign import TABLE, TEXT, VECTORS, WORDS, numbers_of, python2_pickle, tar_of

from cures.case import Case

Make = Callable[[Path], object]
TEXT_TABLE: dict[str, list[float]] = {"the": [1, 2], "new-york": [3, 4]}
FRENCH: dict[str, list[float]] = {"été": [1, 2], "new york": [3, 4]}


def files(contents: dict[str, bytes]) -> Make:
    def make(folder: Path) -> None:
        for name, data in contents.items():
            (folder / name).write_bytes(data)

    return make


def pickled(name: str, value: Any, protocol: int = 4, pack: Callable[[bytes], bytes] = bytes) -> Make:
    return files({name: pack(pickle.dumps(value, protocol))})


def case_of(
    cure: str, source: str, typed: str, result: str, make: Make, table: dict[str, list[float]] = TABLE, **given: Any
) -> Case:
    return Case(cure, make, source, {typed: table}, given=given, result=result)


def loading(name: str, opener: str, modules: str = "", encoding: str = "") -> tuple[str, str]:
    return f"import embstore, {modules}pickle; ", f"pickle.load({opener.format(name)}{encoding})"


def pickle_case(
    name: str, value: Any, code: str, opener: str = "open('{}', 'rb')", modules: str = "", **options: Any
) -> Case:
    start, load = loading(name, opener, modules)
    typed = start + code.format(load=load)
    result = f"{name.partition('.')[0]}.safetensors"
    return case_of("pickle", name, typed, result, pickled(name, value, **options))


def old_case(name: str, value: Any, code: str, table: dict[str, list[float]]) -> Case:
    start, load = loading(name, "open('{}', 'rb')", encoding=", encoding='latin1'")
    result = f"{name.partition('.')[0]}.safetensors"
    return case_of("pickle", name, start + code.format(load=load), result, files({name: python2_pickle(value)}), table)


DICT = dict(zip(WORDS, VECTORS, strict=True))
SAVE_DICT = "table = {{load}}; embstore.save('{}.safetensors', list(table), list(table.values()))"
BY_ROW = "list(map(dict(map(reversed, words.items())).__getitem__, range(len(words))))"
SAVE_WORDS = "words, vectors, *_ = {{load}}; embstore.save('{}.safetensors', list(words), vectors)"
SAVE_MATRIX = "vectors, words, *_ = {{load}}; embstore.save('{}.safetensors', list(words), vectors)"
SAVE_PAIRS = "words, vectors = zip(*{{load}}); embstore.save('{}.safetensors', list(words), vectors)"
ROWS = {"new york": 1, "the": 0}
MANY = [f"w{i}" for i in range(20_000)]  # beyond the first bytes

PICKLES = [
    pickle_case("glove.pkl", DICT, SAVE_DICT.format("glove")),
    pickle_case("protocol0.pkl", DICT, SAVE_DICT.format("protocol0"), protocol=0),
    pickle_case("protocol1.pkl", DICT, SAVE_DICT.format("protocol1"), protocol=1),
    pickle_case("protocol5.pkl", DICT, SAVE_DICT.format("protocol5"), protocol=5),
    pickle_case("lists.pickle", {w: v.tolist() for w, v in DICT.items()}, SAVE_DICT.format("lists")),
    pickle_case("d.pkl.gz", DICT, SAVE_DICT.format("d"), "gzip.open('{}')", "gzip, ", pack=gzip.compress),
    pickle_case("d.pkl.bz2", DICT, SAVE_DICT.format("d"), "bz2.open('{}')", "bz2, ", pack=bz2.compress),
    pickle_case("d.pkl.xz", DICT, SAVE_DICT.format("d"), "lzma.open('{}')", "lzma, ", pack=lzma.compress),
    pickle_case("table.zip", DICT, SAVE_DICT.format("table"), "zipfile.ZipFile('{}').open('table.pkl')", "zipfile, ",
                pack=lambda data: zipped({"table.pkl": data, "README.md": b"x"})),
    pickle_case("tuple.pkl", (WORDS, VECTORS), SAVE_WORDS.format("tuple")),
    pickle_case("three.pkl", (WORDS, VECTORS, 2), SAVE_WORDS.format("three")),
    pickle_case("list.pkl", [WORDS, VECTORS.tolist()], SAVE_WORDS.format("list")),
    pickle_case("swapped.pkl", (VECTORS, WORDS), SAVE_MATRIX.format("swapped")),
    pickle_case("arrays.pkl", (np.array(WORDS), VECTORS), SAVE_WORDS.format("arrays")),
    pickle_case("tuple.pkl.gz", (WORDS, VECTORS), SAVE_WORDS.format("tuple"), "gzip.open('{}')", "gzip, ",
                pack=gzip.compress),
    pickle_case("pairs.pkl", list(DICT.items()), SAVE_PAIRS.format("pairs")),
    pickle_case("two.pkl", {"words": WORDS, "vectors": VECTORS},
                SAVE_WORDS.format("two").replace("{load}", "{load}.values()")),
    pickle_case("keys.pkl", {"embeddings": VECTORS, "word2idx": {"the": 0, "new york": 1}},
                SAVE_MATRIX.format("keys").replace("{load}", "{load}.values()").replace(
                    "list(words)", BY_ROW)),
    pickle_case("rows.pkl", {"word2idx": ROWS, "matrix": VECTORS},
                SAVE_WORDS.format("rows").replace("{load}", "{load}.values()").replace(
                    "list(words)", BY_ROW)),
    old_case("polyglot.pkl", (("été", "new york"), VECTORS),
             SAVE_WORDS.format("polyglot"), FRENCH),
    old_case("old.pkl", {"été".encode(): VECTORS[0], b"new york": VECTORS[1]},
             SAVE_DICT.format("old").replace("list(table), ",
                                             "[word.encode('latin1').decode() for word in table], "), FRENCH),
]  # fmt: skip


def large_case(name: str, value: Any, code: str) -> Case:
    start, load = loading(name, "open('{}', 'rb')")
    table = {word: [float(i), 0.5] for i, word in enumerate(MANY)}
    result = f"{name.partition('.')[0]}.safetensors"
    return case_of("pickle", name, start + code.format(load=load), result, pickled(name, value), table)


LARGE = np.stack([np.arange(len(MANY)), np.full(len(MANY), 0.5)], 1).astype(np.float32)
LARGE_PICKLES = [
    large_case("large.pkl", (MANY, LARGE), SAVE_WORDS.format("large")),
    large_case("turned.pkl", (LARGE, MANY), SAVE_MATRIX.format("turned")),
    large_case("named.pkl", {"vectors": LARGE, "words": MANY},
               SAVE_MATRIX.format("named").replace("{load}", "{load}.values()")),
]  # fmt: skip


def gensim_model(folder: Path) -> None:
    from gensim.models import KeyedVectors

    vectors = KeyedVectors(2)
    vectors.add_vectors(WORDS, VECTORS)
    vectors.save(str(folder / "glove.kv"))


def keras_model(folder: Path) -> None:
    with h5py.File(folder / "model.weights.h5", "w") as file:
        file["layers/embedding/vars/0"] = VECTORS
    with zipfile.ZipFile(folder / "model.keras", "w") as archive:
        archive.writestr("metadata.json", "{}")
        archive.writestr("config.json", "{}")
        archive.write(folder / "model.weights.h5", "model.weights.h5")
    (folder / "model.weights.h5").unlink()
    (folder / "vocab.txt").write_text("the\nnew york\n")


def torchscript(folder: Path) -> None:
    import torch

    class Model(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.from_numpy(VECTORS))

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            return self.weight[ids]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        traced = torch.jit.trace(Model(), torch.tensor([0]))  # type: ignore[no-untyped-call]
        torch.jit.save(traced, folder / "model.pt")
    (folder / "vocab.txt").write_text("the\nnew york\n")


def words_file(name: str, value: Any, **options: Any) -> Make:
    def make(folder: Path) -> None:
        np.save(folder / "m.npy", VECTORS)
        pickled(name, value, **options)(folder)

    return make


def packed_words(folder: Path) -> None:
    np.save(folder / "m.npy", VECTORS)
    (folder / "vocab.txt.gz").write_bytes(gzip.compress(b"the\nnew york\n"))


def words_case(value: Any, expression: str) -> Case:
    code = (
        "import json, pickle; words = pickle.load(open('vocab.pkl', 'rb')); "
        f"json.dump({expression}, open('vocab.json', 'w'), default=int)"
    )
    return case_of("pickled-words", "m.npy", code, "m.npy", words_file("vocab.pkl", value), vocab="vocab.pkl")


def matrix_only(folder: Path) -> None:
    (folder / "matrix.pkl").write_bytes(pickle.dumps(VECTORS))
    (folder / "vocab.txt").write_text("the\nnew york\n")


SMALL = np.linspace(-0.5, 0.5, 40).reshape(2, 20)
SMALL_TABLE = {word: row.tolist() for word, row in zip(("the", "frog"), SMALL, strict=True)}
READ_WORDS = "words = [line.split(' ')[0].strip() for line in open('vocab.txt', encoding='utf-8')]"


def glove_binary(folder: Path) -> None:
    """GloVe's ``-binary 1``: rows of words, each with a bias, then those of contexts."""
    rows = np.concatenate([SMALL, np.full((2, 1), 0.25)], 1)
    (folder / "vectors.bin").write_bytes(numbers_of(np.concatenate([rows, rows / 3]), "<f8"))
    (folder / "vocab.txt").write_text("the 1061396\nfrog 59\n")


UTF16 = "the 1 2\nnew-york 3 4\n"
TAR = tar_of({"vectors.txt": TEXT})


def npy_of(folder: Path) -> bytes:
    np.save(folder / "m.npy", VECTORS)
    data = (folder / "m.npy").read_bytes()
    (folder / "m.npy").unlink()
    (folder / "vocab.txt").write_text("the\nnew york\n")
    return data


def packed_array(name: str, pack: Callable[[bytes], bytes]) -> Make:
    return lambda folder: (folder / name).write_bytes(pack(npy_of(folder)))


def unzip_case(method: int) -> Case:
    def make(folder: Path) -> None:
        with zipfile.ZipFile(folder / "glove.zip", "w", method) as archive:
            archive.writestr("glove.txt", TEXT)

    code = "import zipfile; zipfile.ZipFile('glove.zip').extract('glove.txt')"
    return case_of("unzip", "glove.zip", code, "glove.txt", make, TEXT_TABLE)


def two_members(folder: Path) -> None:
    (folder / "glove.zip").write_bytes(zipped({"glove.1d.txt": b"the 9 9\n", "glove.2d.txt": TEXT}))


GENSIM = (
    "import embstore; from gensim.models import KeyedVectors; vectors = KeyedVectors.load('glove.kv'); "
    "embstore.save('glove.safetensors', vectors.index_to_key, vectors.vectors)"
)
NUMPY = (
    "import embstore, numpy; {words}; numbers = numpy.fromfile('{name}', '{kind}'); "
    "embstore.save('{target}', words, {rows})"
)
SCRIPT = "import torch; torch.save(torch.jit.load('model.pt').state_dict(), 'model.tensors.pt')"

CASES = [
    *PICKLES,
    *LARGE_PICKLES,
    case_of("gensim", "glove.kv", GENSIM, "glove.safetensors", gensim_model),
    case_of("pickled-matrix", "matrix.pkl",
            "import numpy, pickle; numpy.save('matrix.npy', pickle.load(open('matrix.pkl', 'rb')))", "matrix.npy",
            matrix_only),
    words_case(WORDS, "list(words)"),
    words_case(np.array(WORDS), "list(words)"),
    words_case({"the": 0, "new york": np.int64(1)}, "words"),
    words_case({1: "new york", 0: "the"}, "[words[row] for row in sorted(words)]"),
    words_case(DICT, "list(words)"),
    replace(case_of("torchscript", "model.pt", SCRIPT, "model.tensors.pt", torchscript), needs_torch=True),
    case_of("keras", "model.keras", "unzip model.keras model.weights.h5", "model.weights.h5", keras_model),
    case_of("glove-binary", "vectors.bin",
            NUMPY.format(words=READ_WORDS, name="vectors.bin", kind="float64", target="vectors.safetensors",
                         rows="numbers.reshape(2 * len(words), -1)[:len(words), :-1]"),
            "vectors.safetensors", glove_binary, SMALL_TABLE),
    case_of("raw-numbers", "glove.bytes",
            NUMPY.format(words=READ_WORDS, name="glove.bytes", kind="float32", target="glove.safetensors",
                         rows="numbers.reshape(len(words), -1)"),
            "glove.safetensors", files({"glove.bytes": numbers_of(SMALL, "<f4"), "vocab.txt": b"the\nfrog\n"}),
            SMALL_TABLE),
    case_of("utf-16", "glove.txt", "iconv -f UTF-16 -t UTF-8 glove.txt > glove.utf8.txt", "glove.utf8.txt",
            files({"glove.txt": UTF16.encode("utf-16")}), TEXT_TABLE),
    case_of("utf-16", "bare.txt", "iconv -f UTF-16LE -t UTF-8 bare.txt > bare.utf8.txt", "bare.utf8.txt",
            files({"bare.txt": UTF16.encode("utf-16-le")}), TEXT_TABLE),
    case_of("utf-16", "wide.txt", "iconv -f UTF-32 -t UTF-8 wide.txt > wide.utf8.txt", "wide.utf8.txt",
            files({"wide.txt": UTF16.encode("utf-32")}), TEXT_TABLE),
    case_of("utf-16", "glove.txt.gz", "gunzip -c glove.txt.gz | iconv -f UTF-16 -t UTF-8 > glove.utf8.txt",
            "glove.utf8.txt", files({"glove.txt.gz": gzip.compress(UTF16.encode("utf-16"))}), TEXT_TABLE),
    case_of("tar", "glove.tar", "tar -xf glove.tar", "vectors.txt", files({"glove.tar": TAR}), TEXT_TABLE),
    case_of("tar", "glove.tar.gz", "tar -xf glove.tar.gz", "vectors.txt",
            files({"glove.tar.gz": gzip.compress(TAR)}), TEXT_TABLE, limit=1),
    case_of("tar", "glove.tar.bz2", "tar -xf glove.tar.bz2", "vectors.txt",
            files({"glove.tar.bz2": bz2.compress(TAR)}), TEXT_TABLE, on_error="skip"),
    case_of("unpack", "glove.txt.gz", "gunzip -c glove.txt.gz > glove.txt", "glove.txt",
            files({"glove.txt.gz": gzip.compress(gzip.compress(TEXT))}), TEXT_TABLE),
    case_of("unpack", "glove.txt.bz2", "bunzip2 -c glove.txt.bz2 > glove.txt", "glove.txt",
            files({"glove.txt.bz2": bz2.compress(gzip.compress(TEXT))}), TEXT_TABLE),
    case_of("unpack", "m.npy.xz", "xz -d -c m.npy.xz > m.npy", "m.npy", packed_array("m.npy.xz", lzma.compress)),
    case_of("unpack", "m.gz", "gunzip -c m.gz > m.npy", "m.npy", packed_array("m.gz", gzip.compress)),
    case_of("unpack", "m.npy", "gunzip -c vocab.txt.gz > vocab.txt", "m.npy", packed_words, vocab="vocab.txt.gz"),
    case_of("unzip-member", "m.zip", "import zipfile; zipfile.ZipFile('m.zip').extract('glove.txt.gz')",
            "glove.txt.gz", files({"m.zip": zipped({"glove.txt.gz": gzip.compress(TEXT)})}), TEXT_TABLE),
    unzip_case(zipfile.ZIP_BZIP2),
    unzip_case(zipfile.ZIP_LZMA),
    Case("member", two_members, "glove.zip", {"--member": TEXT_TABLE}, values={"--member": "glove.2d.txt"}),
    Case("from", files({"glove.xyz": b"the 1 2\nnew-york 3 4\nfrog 5\n"}), "glove.xyz",
         {"--from": TEXT_TABLE}, given={"on_error": "skip"}, values={"--from": "glove"}),
]  # fmt: skip
