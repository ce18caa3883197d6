"""An ending is one object in one module: made-up endings work everywhere once they are in the table."""

from __future__ import annotations

import ast
import json
import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray
from support.running import Run

import embstore
from embstore.core.batch import Ints, RowBlocks
from embstore.words.endings.base import Ending, FindIds
from embstore.words.endings.table import ENDINGS
from embstore.words.lookup import Lookup
from embstore.words.missing import MissingWords
from embstore.words.policy import known_parts

ROOT = Path(embstore.__file__).parent
WORDS = ["the", "frog", "sat"]
VECTORS = np.array([[1, 2], [3, 4], [5, 6]], np.float32)


@dataclass(frozen=True, slots=True)
class Last(Ending):
    """``last``: a row of ones for every missing word."""

    name: ClassVar[str] = "last"
    usages: ClassVar[tuple[str, ...]] = ("last",)

    @property
    def ids_per_word(self) -> int:
        return 1

    @property
    def rows(self) -> int:
        return 1

    def make_rows(self, table: RowBlocks, seed: int) -> Iterator[NDArray[np.float32]]:
        yield np.ones((1, table.dim), np.float32)

    def bind(self, vocabulary: Lookup, first_row: int) -> FindIds:
        return lambda words: (np.full(len(words), first_row, np.int64), None)


@dataclass(frozen=True, slots=True)
class Twin(Ending):
    """``twin:A/B``: a row of As and a row of Bs for every missing word, swapped for words of over three bytes."""

    values: tuple[int, int]

    name: ClassVar[str] = "twin"
    usages: ClassVar[tuple[str, ...]] = ("twin:A/B",)

    @classmethod
    def parse(cls, argument: str | None) -> Twin:
        numbers = (argument or "").split("/")
        if len(numbers) != 2 or not all(map(str.isdigit, numbers)):
            raise cls.argument_error(argument)
        return cls((int(numbers[0]), int(numbers[1])))

    def __str__(self) -> str:
        return "twin:{}/{}".format(*self.values)

    @property
    def ids_per_word(self) -> int:
        return 2

    @property
    def rows(self) -> int:
        return 2

    def make_rows(self, table: RowBlocks, seed: int) -> Iterator[NDArray[np.float32]]:
        for value in self.values:
            yield np.full((1, table.dim), value, np.float32)

    def bind(self, vocabulary: Lookup, first_row: int) -> FindIds:
        def find(words: MissingWords) -> tuple[Ints, None]:
            swapped = np.diff(words.packed().offsets) > 3
            return (first_row + np.stack([swapped, ~swapped], axis=1).astype(np.int64)).reshape(-1), None

        return find


@dataclass(frozen=True, slots=True)
class Letters(Last):
    """``letters``: the row of ones, repeated for each letter of a missing word."""

    name: ClassVar[str] = "letters"
    shares_weight: ClassVar[bool] = True

    @property
    def ids_per_word(self) -> None:  # type: ignore[override]
        return

    @property
    def ids_text(self) -> str:
        return "gives an unknown word an id for each of its letters"

    def bind(self, vocabulary: Lookup, first_row: int) -> FindIds:
        def find(words: MissingWords) -> tuple[Ints, Ints]:
            counts = np.array(list(map(len, words.strings())), np.int64)
            return np.full(counts.sum(), first_row), counts

        return find


@pytest.fixture(autouse=True)
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    for ending in (Last, Twin, Letters):
        monkeypatch.setitem(ENDINGS, ending.name, ending)


@pytest.fixture
def plain(tmp_path: Path) -> embstore.Store:
    embstore.save(tmp_path / "plain.safetensors", WORDS, VECTORS)
    return embstore.open(tmp_path / "plain.safetensors")


@pytest.fixture(params=["last", "twin:7/9"])
def converted(request: pytest.FixtureRequest, plain: embstore.Store, tmp_path: Path, run: Run) -> embstore.Store:
    """A store that the command line wrote with the rows of a made-up ending and of padding."""
    path = tmp_path / "special.safetensors"
    found = run("convert", str(plain.path), str(path), "--oov", f"lower,{request.param}", "--padding", "--quiet")
    assert found == (0, "", "")
    return embstore.open(path)


def test_text_form() -> None:
    policy = embstore.Policy.parse("lower,twin:7/9")
    assert policy == embstore.Policy(("lower",), Twin((7, 9)))
    assert str(policy) == "lower,twin:7/9"
    assert embstore.Policy.parse(Last()) == embstore.Policy.parse("last")
    assert pickle.loads(pickle.dumps(policy)) == policy
    assert known_parts().endswith("hash:BUCKETS:HASHES, subword, last, twin:A/B, last")
    with pytest.raises(
        ValueError, match=r"^oov: 'lst' is not a back-off or an ending .*, subword, last, twin:A/B, last\)$"
    ):
        embstore.Policy.parse("lower,lst")
    with pytest.raises(ValueError, match=r"^oov 'twin:7': expected twin:A/B$"):
        embstore.Policy.parse("twin:7")
    with pytest.raises(ValueError, match=r"^oov 'last:7': expected last$"):
        embstore.Policy.parse("last:7")


def test_rows_in_the_file(converted: embstore.Store) -> None:
    policy = converted.metadata["embstore.oov"]
    expected = {"lower,last": [[1, 1]], "lower,twin:7/9": [[7, 7], [9, 9]]}[policy]
    assert converted.metadata["embstore.padding"] == "1"
    assert converted.weight.tolist() == [*VECTORS.tolist(), [0, 0], *expected]
    converted.verify()
    encoder = embstore.Encoder(converted, padding=True)
    assert (encoder.in_file, str(encoder.policy), encoder.padding_idx) == (True, policy, 3)


def test_one_id_per_word(kernel: ModuleType, plain: embstore.Store) -> None:
    encoder = embstore.Encoder(plain, "lower,last", padding=True)
    assert encoder.encode([["the", "FROG", "toad"], ["newt"]]).tolist() == [[0, 1, 4], [4, 3, 3]]
    bags = encoder.encode_bags([["toad", "sat"], [], ["x"]])
    assert (bags.values.tolist(), bags.offsets.tolist(), bags.weights) == ([4, 2, 4], [0, 2, 2], None)


@pytest.mark.parametrize(("oov", "upper"), [("twin:7/9", [4, 3]), ("lower,twin:7/9", [1])])
def test_two_ids_per_word(kernel: ModuleType, plain: embstore.Store, oov: str, upper: list[int]) -> None:
    bags = embstore.Encoder(plain, oov).encode_bags([["toad", "sat"], [], ["FROG"], ["cat"]], [[2, 3], [], [4], [5]])
    assert bags.values.tolist() == [4, 3, 2, *upper, 3, 4]  # swapped for words of more than three bytes
    assert bags.offsets.tolist() == [0, 3, 3, 3 + len(upper)]
    assert bags.weights is not None
    assert bags.weights.tolist() == [2, 2, 3, *[4] * len(upper), 5, 5]


@pytest.mark.torch
def test_any_number_of_ids_that_share_a_weight(plain: embstore.Store) -> None:
    encoder = embstore.Encoder(plain, "letters")
    bags = encoder.encode_bags([["ab", "the"], ["abcd"]])
    assert (bags.values.tolist(), bags.offsets.tolist()) == ([3, 3, 0, 3, 3, 3, 3], [0, 3])
    assert bags.weights is not None
    assert bags.weights.tolist() == [0.5, 0.5, 1, 0.25, 0.25, 0.25, 0.25]
    known = encoder.encode_bags([["the"]]).weights
    assert known is not None
    assert known.tolist() == [1]
    assert plain.aligned(["ab", "the"], "letters").tolist() == [[1, 1], [1, 2]]
    mean = embstore.EmbeddingBag.from_pretrained(plain, oov="letters")
    assert mean(*mean.encode([["ab", "the"], ["abcd"]])).tolist() == [[1, 1.5], [1, 1]]


@pytest.mark.torch
@pytest.mark.parametrize(
    ("oov", "reason"),
    [("twin:7/9", "gives a word 2 ids"), ("letters", "gives an unknown word an id for each of its letters")],
)
def test_endings_that_a_maximum_does_not_support(plain: embstore.Store, oov: str, reason: str) -> None:
    with pytest.raises(embstore.EmbstoreError) as caught:
        embstore.EmbeddingBag.from_pretrained(plain, oov=f"lower,{oov}", mode="max")
    assert str(caught.value) == (
        f"oov {oov!r} {reason}, whose rows are summed: use mode='sum' or mode='mean', not 'max', or another oov"
    )


@pytest.mark.torch
@pytest.mark.parametrize(("oov", "toad"), [("twin:7/9", [16, 16]), ("letters", [1, 1])])
def test_an_embedding_with_several_ids(plain: embstore.Store, oov: str, toad: list[float]) -> None:
    layer = embstore.Embedding.from_pretrained(plain, oov=f"lower,{oov}", padding=True)
    found = layer(*layer.encode([["FROG", "toad"], ["the"]]))
    assert found.tolist() == [[[3, 4], toad], [[1, 2], [0, 0]]]


@pytest.mark.torch
def test_embedding(plain: embstore.Store, tmp_path: Path) -> None:
    embstore.convert(plain.path or "", tmp_path / "last.safetensors", oov="last")
    for source in (plain, tmp_path / "last.safetensors"):
        layer = embstore.Embedding.from_pretrained(source, oov="lower,last")
        assert layer(layer.encode(["FROG", "toad"])).tolist() == [[3, 4], [1, 1]]


@pytest.mark.torch
@pytest.mark.parametrize(("oov", "toad"), [("lower,last", [1, 1]), ("lower,twin:7/9", [16, 16])])
def test_bags(plain: embstore.Store, tmp_path: Path, oov: str, toad: list[float]) -> None:
    embstore.convert(plain.path or "", tmp_path / "special.safetensors", oov=oov)
    for source in (plain, tmp_path / "special.safetensors"):
        bag = embstore.EmbeddingBag.from_pretrained(source, mode="sum", oov=oov)
        assert bag(*bag.encode([["toad"], ["toad", "FROG"], []])).tolist() == [toad, [toad[0] + 3, toad[1] + 4], [0, 0]]


@pytest.mark.parametrize(("oov", "toad"), [("lower,last", [1, 1]), ("lower,twin:7/9", [16, 16])])
def test_aligned(plain: embstore.Store, tmp_path: Path, oov: str, toad: list[float]) -> None:
    embstore.convert(plain.path or "", tmp_path / "special.safetensors", oov=oov)
    expected = [toad, [3, 4], [1, 2]]
    assert plain.aligned(["toad", "Frog", "the"], oov).tolist() == expected
    assert embstore.open(tmp_path / "special.safetensors").aligned(["toad", "Frog", "the"]).tolist() == expected


def test_coverage(plain: embstore.Store, converted: embstore.Store, tmp_path: Path, run: Run) -> None:
    text = tmp_path / "text.txt"
    text.write_text("the Frog toad toad\n")
    policy = converted.metadata["embstore.oov"]
    for found in (
        embstore.coverage(converted, ["the", "Frog", "toad", "toad"]),
        embstore.coverage(plain, ["the", "Frog", "toad", "toad"], policy),
    ):
        assert (found.ending, found.missing.tokens, found.rules["lower"].tokens) == (policy[6:], 2, 1)
    for arguments in ([str(converted.path), str(text)], [str(plain.path), str(text), "--oov", policy]):
        code, out, _ = run("coverage", *arguments, "--json")
        printed = json.loads(out)
        assert (code, printed["ending"], printed["missing"]["tokens"]) == (0, policy[6:], 2)


# ------------------------------------------------------------------------ endings are used by their interface


CONCRETE = {path.stem for path in (ROOT / "words" / "endings").glob("*.py")} - {"__init__", "base", "table"}


def trees() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(ROOT.rglob("*.py")):
        name = ".".join(("embstore", *path.relative_to(ROOT).with_suffix("").parts))
        if not name.startswith("embstore.words.endings."):
            yield name, ast.parse(path.read_text(encoding="utf-8"))


def test_each_ending_has_its_module_and_its_line() -> None:
    assert {name for name in ENDINGS if ENDINGS[name].__module__ != __name__} == CONCRETE
    assert all(ending.name == name for name, ending in ENDINGS.items())
    assert all(ENDINGS[name].__module__ == f"embstore.words.endings.{name}" for name in CONCRETE)


def test_nobody_else_imports_an_ending() -> None:
    modules = {f"embstore.words.endings.{name}" for name in CONCRETE}
    found = [
        (name, node.module if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
        for name, tree in trees()
        for node in ast.walk(tree)
        if (isinstance(node, ast.ImportFrom) and node.module in modules)
        or (isinstance(node, ast.ImportFrom) and node.module == "embstore.words.endings")
        or (isinstance(node, ast.Import) and modules & {alias.name for alias in node.names})
    ]
    assert found == []


def test_nobody_else_compares_an_ending_s_name() -> None:
    names = CONCRETE - {"error", "mean", "skip"}  # also names of rules, and of modes of bags and of merging
    found = [
        (name, part.lineno)
        for name, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare | ast.match_case)
        for part in ast.walk(node)
        if isinstance(part, ast.Constant) and part.value in names
    ]
    assert found == []


# ---------------------------------------------------------------------------------- endings that contradict themselves


@dataclass(frozen=True, slots=True)
class Short(Last):
    """``short``: states two rows and makes one."""

    name: ClassVar[str] = "short"

    @property
    def rows(self) -> int:
        return 2


def test_rows_that_an_ending_does_not_make_are_an_error(plain: embstore.Store, tmp_path: Path) -> None:
    """Not the memory that happens to be there."""
    with pytest.raises(embstore.EmbstoreError) as caught:
        plain.aligned(["qzxv"], Short())
    assert str(caught.value) == (
        "oov 'short': its ending made 1 special rows, expected 2: its make_rows and rows must agree"
    )
    with pytest.raises(embstore.EmbstoreError, match="its ending made 1 special rows, expected 2"):
        embstore.convert(tmp_path / "plain.safetensors", tmp_path / "made.safetensors", oov=Short())
    assert not (tmp_path / "made.safetensors").exists()


def test_a_store_whose_header_lacks_what_its_ending_needs(plain: embstore.Store) -> None:
    plain.metadata["embstore.oov"] = "subword"
    with pytest.raises(embstore.EmbstoreError, match=r"^oov 'subword' needs the rows of character n-grams"):
        embstore.Encoder(plain)
