"""`embstore similar`: print the nearest words."""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

import click

from embstore.cli.options import as_json, reading_options, store_argument
from embstore.cli.printing import print_json, print_text
from embstore.core.json_values import Json
from embstore.core.options import Reading
from embstore.ops.open import open as open_store
from embstore.search.exact import Neighbours

count_option = click.option(
    "-k", "--topn", type=click.IntRange(min=1), default=10, show_default=True, help="How many words to print."
)


@click.command("similar")
@store_argument
@click.argument("word")
@count_option
@as_json
@reading_options
def similar_command(store: Path, word: str, topn: int, as_json: bool, **reading: Unpack[Reading]) -> None:
    """Print the words nearest to a word, by cosine.

    Each line is a cosine and a word; control characters in words are escaped.

    \b
    Arguments:
      STORE  a store, or any other file that embstore reads (a store opens much faster)
      WORD   a word in its vocabulary

    \b
    Examples:
      embstore similar glove.6B.50d.safetensors frog -k 5
      embstore similar vectors.npy frog --vocab words.txt
    """  # noqa: D301
    print_neighbours({"word": word}, open_store(store, **reading).most_similar(word, topn=topn), as_json)


def print_neighbours(query: dict[str, str], neighbours: Neighbours, as_json: bool) -> None:
    """Print words and cosines: one line each, or one JSON object that also contains the query."""
    if as_json:
        similar: list[Json] = [{"word": word, "cosine": cosine} for word, cosine in neighbours]
        print_json({**query, "similar": similar})
        return
    for word, cosine in neighbours:
        print_text(f"{cosine:.4f}  {word}")
