"""`embstore similar`: the words nearest to a word."""

from __future__ import annotations

import json
from pathlib import Path

import click

from embstore.opening import open as open_store
from embstore.search import Neighbours


@click.command("similar")
@click.argument("store", type=click.Path(path_type=Path))
@click.argument("word")
@click.option("-k", "topn", type=click.IntRange(min=1), default=10, show_default=True, help="How many words.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def similar_command(store: Path, word: str, topn: int, as_json: bool) -> None:
    """Print the words of the table STORE that are nearest to WORD by cosine, best first."""
    print_neighbours({"word": word}, open_store(store).most_similar(word, topn=topn), as_json)


def print_neighbours(asked: dict[str, str], found: Neighbours, as_json: bool) -> None:
    """Print words and cosines: a line for each, or one object that repeats what was asked."""
    if as_json:
        similar = [{"word": word, "cosine": cosine} for word, cosine in found]
        click.echo(json.dumps({**asked, "similar": similar}))
        return
    for word, cosine in found:
        click.echo(f"{cosine:.4f}  {word}".encode("utf-8", "surrogateescape"))
