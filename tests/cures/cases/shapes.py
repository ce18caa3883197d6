"""Cures of messages about CSV, JSON, JSON lines and folders of TensorBoard's projector."""

from __future__ import annotations

from pathlib import Path

from cures.case import Case, text

ROWS = {"the": [0.5, -1.5], "frog": [2.25, 3.0]}
THE = {"the": [0.5, -1.5]}
TERMS = "term,tag,n,d0,d1\nthe,DT,5,0.5,-1.5\nfrog,NN,6,2.25,3\n"
LINES = '{"w": "the", "v": [0.5, -1.5]}\n{"w": "frog", "v": [2.25, 3]}\n'
TAGGED = LINES.replace(', "v"', ', "tag": "x", "v"')
TWO = LINES.replace(', "v"', ', "u": [1], "v"')


def folder_of_projector(folder: Path) -> None:
    """Write a folder whose metadata has two columns."""
    (folder / "p").mkdir()
    (folder / "p" / "vectors.tsv").write_text("0.5\t-1.5\n2.25\t3\n")
    (folder / "p" / "metadata.tsv").write_text("term\tfreq\nthe\t9\nfrog\t7\n")


def vectors_and_metadata(folder: Path) -> None:
    """Write the two files of the projector, of which only the first is named."""
    (folder / "vectors.tsv").write_text("0.5\t-1.5\n2.25\t3\n")
    (folder / "metadata.tsv").write_text("the\nfrog\n")


def vectors_and_words(folder: Path) -> None:
    """Write vectors, and words in a file with a name of its own."""
    (folder / "vectors.tsv").write_text("0.5\t-1.5\n2.25\t3\n")
    (folder / "words.txt").write_text("the\nfrog\n")


CASES = [
    Case(
        "csv-header",
        text("t.csv", "word,0,1\nthe,0.5,-1.5\n"),
        "t.csv",
        {"--header": THE, "--no-header": {"word": [0.0, 1.0], **THE}},
    ),
    Case(
        "csv-vectors",
        text("t.csv", "word,freq,d0,d1\nthe,90,0.5,-1.5\nfrog,7,2.25,3\n"),
        "t.csv",
        {"--key 'd[0-9]*'": ROWS},
    ),
    Case("csv-vectors", text("t.csv", "word,x,y\nthe,0.5,-1.5\nfrog,2.25,3\n"), "t.csv", {"--key x,y": ROWS}),
    Case("csv-vectors", text("t.csv", "0,the,0.5,-1.5\n2,frog,2.25,3\n"), "t.csv", {"--key 3-4": ROWS}),
    Case(
        "csv-vectors",
        text("t.csv", 'word,a b,c\nthe,"[0.5, -1.5]",[1]\nfrog,"[2.25, 3]",[2]\n'),
        "t.csv",
        {"--key 'a b'": ROWS},
    ),
    Case(
        "csv-words",
        text("t.csv", TERMS),
        "t.csv",
        {
            "--vocab term --key 'd[0-9]*'": ROWS,
            "--vocab tag --key 'd[0-9]*'": {"DT": [0.5, -1.5], "NN": [2.25, 3.0]},
        },
    ),
    Case(
        "csv-words",
        text("t.csv", "the,DT,0.5,-1.5\nfrog,NN,2.25,3\n"),
        "t.csv",
        {"--word-column 1": ROWS, "--word-column 2": {"DT": [0.5, -1.5], "NN": [2.25, 3.0]}},
    ),
    Case("csv-words-beside", vectors_and_metadata, "vectors.tsv", {"--vocab metadata.tsv": ROWS}),
    Case(
        "csv-no-words",
        vectors_and_words,
        "vectors.tsv",
        {"--vocab": ROWS, "--word-column 1": {"0.5": [-1.5], "2.25": [3.0]}},
        values={"--vocab": "words.txt"},
    ),
    Case(
        "csv-quotes",
        text("t.tsv", 'the\t0.5\t-1.5\n"\t1\t2\nfrog\t2.25\t3\n'),
        "t.tsv",
        {"--from glove": {"the": [0.5, -1.5], '"': [1.0, 2.0], "frog": [2.25, 3.0]}},
    ),
    Case("csv-skip", text("t.csv", "the,0.5,-1.5\nof,NA,2\nfrog,2.25,3\n"), "t.csv", {"--on-error skip": ROWS}),
    Case(
        "json-fields",
        text("t.jsonl", TAGGED),
        "t.jsonl",
        {"--vocab w": ROWS, "--vocab tag": {"x": [0.5, -1.5]}},
    ),
    Case("json-fields", text("t.jsonl", TWO), "t.jsonl", {"--key u": {"the": [1.0], "frog": [1.0]}, "--key v": ROWS}),
    Case(
        "json-fields",
        text("t.json", '{"words": ["the", "frog"], "a": [[0.5, -1.5], [2.25, 3]], "b": [[1], [2]]}'),
        "t.json",
        {"--key a": ROWS, "--key b": {"the": [1.0], "frog": [2.0]}},
    ),
    Case("json-lines", text("t.json", LINES), "t.json", {"--from jsonl": ROWS}),
    Case("jsonl-skip", text("t.jsonl", LINES.replace("\n", "\n{\n", 1)), "t.jsonl", {"--on-error skip": ROWS}),
    Case(
        "projector-column",
        folder_of_projector,
        "p",
        {"--word-column term": ROWS, "--word-column freq": {"9": [0.5, -1.5], "7": [2.25, 3.0]}},
    ),
]
