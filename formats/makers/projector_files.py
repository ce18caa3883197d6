"""Tables, and the files for TensorBoard's projector that must be written from each."""

from __future__ import annotations

from pathlib import Path

from makers.golden import write_json
from makers.rounding import float32_bits

CONFIG = ["embeddings {", '  tensor_path: "vectors.tsv"', '  metadata_path: "metadata.tsv"', "}"]
ROWS = ["0.1 -2.5", "0.25 3", "nan 10000000000"]


def make(folder: Path) -> None:
    """Write the files of formats/projector: JSON only, since embstore does not read this format."""
    bits = [" ".join(map(float32_bits, row.split())) for row in ROWS]
    numbers = "0.1\t-2.5\n0.25\t3\nnan\t1e+10\n"

    def valid(name: str, about: str, tokens: list[str], lines: list[str]) -> None:
        labels = "".join(f"{line}\n" for line in lines)
        config = "".join(f"{line}\n" for line in CONFIG)
        files = {"vectors.tsv": numbers, "metadata.tsv": labels, "projector_config.pbtxt": config}
        write_json(folder / "valid" / f"{name}.json", {"about": about, "tokens": tokens, "bits": bits, "files": files})

    words = ["the", "two words", "\u017e\u00e1ba"]
    valid("plain", "numbers with the fewest digits that read back", words, words)
    valid("breaks", "tabs and line breaks in tokens", ["a\tb", "a\nb", "a\rb"], ["a\\tb", "a\\nb", "a\\rb"])
    valid(
        "blank",
        "blank tokens: the projector ignores blank lines",
        ["", "  ", "\u3000"],
        ['""', "\\u0020\\u0020", "\\u3000"],
    )
    valid("escapes", "backslashes", ["a\\tb", "\\", '"'], ["a\\\\tb", "\\\\", '"'])
    valid("not_utf8", "bytes that are not UTF-8", ["\udcff", "caf\udce9", "x"], ["\\\\xff", "caf\\\\xe9", "x"])
    message = "{path}: no rows to write: the input holds none, or all were left out"
    write_json(folder / "invalid" / "no_rows.json", {"tokens": [], "bits": [], "message": message})
