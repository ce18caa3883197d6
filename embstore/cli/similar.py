"""`embstore similar`: the nearest words."""

from __future__ import annotations

import json
from pathlib import Path

import click

from embstore.cli.options import as_json, store_argument
from embstore.opening import open as open_store

count_option = click.option("-k", "--topn", type=click.IntRange(min=1), default=10, show_default=True, help="How many.")


@click.command("similar")
@store_argument
@click.argument("word")
@count_option
@as_json
def similar_command(store: Path, word: str, topn: int, as_json: bool) -> None:
    r"""Print the words nearest to WORD in the table STORE, by cosine.

    \b
    Example:
      embstore similar glove.6B.50d.safetensors frog -k 5
    """
    show_neighbours(open_store(store).most_similar(word, topn=topn), as_json=as_json)


def show_neighbours(neighbours: list[tuple[str, float]], *, as_json: bool) -> None:
    """Print words and their cosines."""
    if as_json:
        click.echo(json.dumps({"neighbours": [{"word": word, "cosine": cosine} for word, cosine in neighbours]}))
        return
    for word, cosine in neighbours:
        click.echo(f"{cosine:.4f}  {word}")
