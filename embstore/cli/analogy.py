"""`embstore analogy`: complete "A is to B as C is to ..."."""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

import click

from embstore.cli.options import as_json, reading_options, store_argument
from embstore.cli.similar import count_option, print_neighbours
from embstore.core.options import Reading
from embstore.ops.open import open as open_store


@click.command("analogy")
@store_argument
@click.argument("a")
@click.argument("b")
@click.argument("c")
@count_option
@as_json
@reading_options
def analogy_command(store: Path, a: str, b: str, c: str, topn: int, as_json: bool, **reading: Unpack[Reading]) -> None:
    """Print the words that complete "A is to B as C is to ...": those nearest to B - A + C, by cosine.

    \b
    Arguments:
      STORE    a store, or any other file that embstore reads (a store opens much faster)
      A, B, C  words in its vocabulary

    \b
    Example ("man is to king as woman is to ..."):
      embstore analogy glove.6B.50d.safetensors man king woman
    """  # noqa: D301
    neighbours = open_store(store, **reading).most_similar(positive=[b, c], negative=[a], topn=topn)
    print_neighbours({"a": a, "b": b, "c": c}, neighbours, as_json)
