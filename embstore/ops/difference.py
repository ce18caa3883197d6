"""`Difference`: how two tables differ, and how that is shown."""

from __future__ import annotations

from dataclasses import dataclass

from embstore.ops.shown import Facts, Shown, listed_words


@dataclass(frozen=True, slots=True, repr=False)
class Difference(Shown):
    """How two tables differ.

    Attributes
    ----------
    rows, dims, dtypes
        Of the first and the second table; special rows are not counted.
    only_first, only_second
        Number of words that only the first, or only the second table has.
    only_first_words, only_second_words
        At most five of these words, in the order of their table.
    common, moved
        Number of common words, and of those among them whose row number differs.
    atol, differing
        Number of common words with a value that differs by more than `atol`; all of them if the dims differ.
    largest, largest_at
        Largest absolute difference, and its word and dimension. A NaN equals a NaN, and differs infinitely from a
        number. `largest` is None if there are no rows to compare, `largest_at` also if no value differs.
    mean_cosine, worst_cosine, worst_word
        Over the common words with finite values. Equal rows have cosine 1; a row of zeros and another row have 0.
        None if there are no such words.
    neighbours
        Share of the ten nearest neighbours of the first 1,000 common words that is the same in both tables; None
        unless requested.
    bit_equal
        Whether both tables have the same words, and the same values bit by bit, as float32.

    Examples
    --------
    >>> report = embstore.convert("glove.6B.50d.txt", "a.safetensors", limit=1000)
    >>> report = embstore.convert("a.safetensors", "b.safetensors", dtype="float16")
    >>> difference = embstore.compare("a.safetensors", "b.safetensors")
    >>> difference.dtypes, difference.equal, difference.differing
    (('float32', 'float16'), False, 1000)
    >>> difference.largest_at, round(difference.largest, 4)
    (('number', 30), 0.0019)
    >>> embstore.compare("a.safetensors", "b.safetensors", atol=0.01).equal
    True
    >>> print(difference)
    Difference of two tables: 1,000 of 1,000 common words differ
    first               1,000 x 50 float32
    second              1,000 x 50 float16
    only in the first   0
    only in the second  0
    in both             1,000
    different           1,000
    largest difference  0.001925 at 'number', dimension 30
    cosine              mean 0.99999998, worst 0.99999995 at 'justice'
    """

    rows: tuple[int, int]
    dims: tuple[int, int]
    dtypes: tuple[str, str]
    only_first: int
    only_second: int
    only_first_words: list[str]
    only_second_words: list[str]
    common: int
    moved: int
    atol: float
    differing: int
    largest: float | None
    largest_at: tuple[str, int] | None
    mean_cosine: float | None
    worst_cosine: float | None
    worst_word: str | None
    neighbours: float | None
    bit_equal: bool

    @property
    def equal(self) -> bool:
        """Whether both tables have the same words and dims, and no value differs by more than `atol`."""
        return not (self.only_first or self.only_second or self.differing) and self.dims[0] == self.dims[1]

    def _facts(self) -> Facts:
        parts = (
            (self.differing, f"of {self.common:,} common words differ"),
            (self.only_first, "only in the first"),
            (self.only_second, "only in the second"),
        )
        different = [f"{count:,} {what}" for count, what in parts if count]
        verdict = verdict_of(self) if self.equal or not different else ", ".join(different)
        shapes = zip(("first", "second"), _shapes(self), strict=True)
        lines = words_lines(self, "the first", "the second") | value_lines(self)
        return Facts(f"Difference of two tables: {verdict}", [*shapes, *lines.items()])


def shape_lines(found: Difference, a: str, b: str) -> dict[str, str]:
    """Return lines about two tables with these names."""
    return {name: f"{path}: {shape}" for name, path, shape in zip("AB", (a, b), _shapes(found), strict=True)}


def words_lines(found: Difference, a: str, b: str) -> dict[str, str]:
    """Return lines about the vocabularies of two tables, called by these names: the words that only one has."""
    return {
        f"only in {a}": listed_words(found.only_first_words, found.only_first),
        f"only in {b}": listed_words(found.only_second_words, found.only_second),
        "in both": f"{found.common:,}" + (f", {found.moved:,} at another row" if found.moved else ""),
    }


def value_lines(found: Difference) -> dict[str, str]:
    """Return lines about the values: how many differ, and by how much."""
    lines = {"different": f"{found.differing:,}" + (f", by more than {found.atol:g}" if found.atol else "")}
    if found.largest is not None:
        lines["largest difference"] = f"{found.largest:.4g}"
    if found.largest_at is not None:
        word, column = found.largest_at
        lines["largest difference"] += f" at {word!r}, dimension {column}"
    if found.mean_cosine is not None:
        lines["cosine"] = f"mean {found.mean_cosine:.8f}, worst {found.worst_cosine:.8f} at {found.worst_word!r}"
    if found.neighbours is not None:
        lines["neighbours"] = f"{found.neighbours:.2%} of the ten nearest are the same"
    return lines


def verdict_of(found: Difference) -> str:
    """Return whether two tables are equal, and how."""
    if found.bit_equal:
        return "equal to the last bit"
    return "equal" if found.equal else "different"


def _shapes(found: Difference) -> list[str]:
    return [f"{rows:,} x {dim} {dtype}" for rows, dim, dtype in zip(found.rows, found.dims, found.dtypes, strict=True)]
