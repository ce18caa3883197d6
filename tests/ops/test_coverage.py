"""How much of a text a table covers."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from embstore.core.errors import FormatError
from embstore.ops.coverage import BLOCK, Coverage, Share, count_words, coverage
from embstore.words.vocabulary import Vocabulary

VOCABULARY = Vocabulary(["the", "frog", "r0d0", "."])
TEXT = ["the", "frog", "saw", "The", "R2D2", ".", "the", "frog", "saw", "Q", "."]


def test_shares_of_all_rules() -> None:
    found = coverage(VOCABULARY, TEXT, "lower,digits,hash:10", top=1)
    assert found == Coverage(
        tokens=11,
        types=7,
        known=Share(6, 3, 6 / 11, 3 / 7),
        rules={"lower": Share(1, 1, 1 / 11, 1 / 7), "digits": Share(1, 1, 1 / 11, 1 / 7)},
        missing=Share(3, 2, 3 / 11, 2 / 7),
        ending="hash:10",
        most_frequent=[("saw", 2)],
    )


def test_error_is_not_raised_here() -> None:
    found = coverage(VOCABULARY, TEXT)
    assert (found.ending, found.rules, found.missing.tokens) == ("error", {}, 5)
    assert found.most_frequent == [("saw", 2), ("The", 1), ("R2D2", 1), ("Q", 1)]


@pytest.mark.parametrize("words", [iter(TEXT), [TEXT[:3], [], TEXT[3:]], {word: TEXT.count(word) for word in TEXT}])
def test_words_sentences_and_counts_give_the_same(words: Any) -> None:
    assert coverage(VOCABULARY, words, "lower,zero") == coverage(VOCABULARY, TEXT, "lower,zero")


def test_names_of_functions() -> None:
    assert list(coverage(VOCABULARY, TEXT, [str.lower, "zero"]).rules) == ["<str.lower>"]
    rules = coverage(VOCABULARY, TEXT, [str.swapcase, str.lower, str.swapcase]).rules
    assert list(rules) == ["<str.swapcase> 1", "<str.lower>", "<str.swapcase> 3"]


def test_no_words() -> None:
    nothing = Share(0, 0, 0.0, 0.0)
    assert coverage(VOCABULARY, [], "lower,zero") == Coverage(0, 0, nothing, {"lower": nothing}, nothing, "zero", [])


@given(words=st.lists(st.sampled_from(["the", "THE", "frog", "R2D2", "r2d2", "q", "Q"])), top=st.integers(0, 3))
def test_each_word_is_counted_in_one_share(words: list[str], top: int) -> None:
    found = coverage(VOCABULARY, words, "lower,digits,skip", top=top)
    shares = [found.known, *found.rules.values(), found.missing]
    assert sum(share.tokens for share in shares) == found.tokens == len(words)
    assert sum(share.types for share in shares) == found.types == len(set(words))
    missing = {word: words.count(word) for word in words if word.lower() == "q"}
    assert dict(found.most_frequent) == dict(sorted(missing.items(), key=lambda item: -item[1])[:top])


# ------------------------------------------------------------------------------------------------ from a file


def test_words_end_at_ascii_white_space(tmp_path: Path) -> None:
    path = tmp_path / "corpus.txt"
    path.write_bytes("the frog\n\tthe\r\n\x0b caf\u00e9\u00a0ol\u00e9\u2028x ".encode() + b"\xff")
    assert count_words(path) == {"the": 2, "frog": 1, "caf\u00e9\u00a0ol\u00e9\u2028x": 1, "\udcff": 1}


def test_words_across_blocks(tmp_path: Path) -> None:
    path = tmp_path / "corpus.txt"
    words = [b"frog"] * (BLOCK // 5) + [b"." * (BLOCK % 5 - 1)] + [b"toad", b"the"]  # toad begins the second block
    assert len(b" ".join(words[:-2])) == BLOCK - 1
    for before in (b"", b"a", b"ab", b"abc ", b"abcd "):
        path.write_bytes(before + b" ".join(words))
        expected: dict[str, int] = {}
        for word in path.read_text().split():
            expected[word] = expected.get(word, 0) + 1
        assert count_words(path) == expected


@pytest.mark.parametrize("text", [b"", b" \n", b"a" * BLOCK, b"a" * (BLOCK - 1) + b" "])
def test_texts_of_one_word_or_none(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "corpus.txt"
    path.write_bytes(text)
    assert list(count_words(path)) == text.decode().split()


def test_a_compressed_text(tmp_path: Path) -> None:
    path = tmp_path / "corpus.txt.gz"
    path.write_bytes(gzip.compress(b"the frog the"))
    assert count_words(path) == {"the": 2, "frog": 1}


def test_a_binary_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "corpus.bin"
    path.write_bytes(b"the " + b"\0" * (2 * BLOCK))
    with pytest.raises(FormatError) as caught:
        count_words(path)
    assert str(caught.value) == f"{path}: 2,097,148 bytes without white space: not a text of words"
