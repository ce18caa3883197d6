"""`embstore analogy`: A is to B as C is to what."""

from __future__ import annotations

from pathlib import Path

import click

from embstore.cli.similar import print_neighbours
from embstore.opening import open as open_store


@click.command("analogy")
@click.argument("store", type=click.Path(path_type=Path))
@click.argument("a")
@click.argument("b")
@click.argument("c")
@click.option("-k", "topn", type=click.IntRange(min=1), default=10, show_default=True, help="How many words.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def analogy_command(store: Path, a: str, b: str, c: str, topn: int, as_json: bool) -> None:
    """Print what is to C as B is to A, by the table STORE: man king woman gives queen."""
    found = open_store(store).most_similar(positive=[b, c], negative=[a], topn=topn)
    print_neighbours({"a": a, "b": b, "c": c}, found, as_json)
