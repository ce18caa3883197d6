"""`embstore analogy`: what C is to as A is to B."""

from __future__ import annotations

from pathlib import Path

import click

from embstore.cli.options import as_json, store_argument
from embstore.cli.similar import count_option, print_neighbours
from embstore.opening import open as open_store


@click.command("analogy")
@store_argument
@click.argument("a")
@click.argument("b")
@click.argument("c")
@count_option
@as_json
def analogy_command(store: Path, a: str, b: str, c: str, topn: int, as_json: bool) -> None:
    """Print the words that are to C as B is to A: those nearest to B - A + C, by cosine.

    \b
    Example, man is to king as woman is to queen:
      embstore analogy glove.6B.50d.safetensors man king woman
    """  # noqa: D301
    found = open_store(store).most_similar(positive=[b, c], negative=[a], topn=topn)
    print_neighbours({"a": a, "b": b, "c": c}, found, as_json)
