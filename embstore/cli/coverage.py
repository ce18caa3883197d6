"""`embstore coverage`: how much of a text a table knows."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from embstore.cli.options import as_json, store_argument
from embstore.cli.policy import parse_policy
from embstore.covering import Coverage, Share, count_words, coverage
from embstore.oov import KNOWN, Policy
from embstore.opening import open as open_store


@click.command("coverage")
@store_argument
@click.argument("corpus", type=click.Path(path_type=Path))
@click.option(
    "--oov",
    callback=parse_policy,
    metavar="POLICY",
    help=f"What becomes of words that are not there.  [default: as STORE was written for]  Its parts: {KNOWN}.",
)
@click.option("--top", type=click.IntRange(min=0), default=10, show_default=True, help="Missing words to name.")
@click.option("--member", metavar="NAME", help="Which file of CORPUS, if that is a zip.")
@as_json
def coverage_command(
    store: Path, corpus: Path, oov: Policy | None, top: int, member: str | None, as_json: bool
) -> None:
    """Tell how many words of the text CORPUS the table STORE has, and which rule finds how many of the others.

    Words end at white space. CORPUS may be inside gzip, bzip2, xz, zstd or a zip.

    \b
    Examples:
      embstore coverage glove.6B.50d.safetensors corpus.txt --oov lower,digits,hash:1000
      embstore coverage glove.6B.50d.safetensors corpus.txt.gz --top 100 --json
    """  # noqa: D301
    found = coverage(open_store(store), count_words(corpus, member), oov, top=top)
    click.echo(json.dumps(asdict(found)) if as_json else _table(found))


def _table(found: Coverage) -> str:
    shares = {"known": found.known, **found.rules, f"missing: {found.ending}": found.missing}
    width = max(map(len, shares))
    lines = [f"{'':{width}}  {'words':>21}  {'distinct words':>21}"]
    lines += [f"{name:{width}}  {_cells(share)}" for name, share in shares.items()]
    lines.append(f"{'in all':{width}}  {found.tokens:12,}           {found.types:12,}")
    lines += [f"most frequent of the missing: {_words(found)}"] * bool(found.most_frequent)
    return "\n".join(line.rstrip() for line in lines)


def _cells(share: Share) -> str:
    return f"{share.tokens:12,} {share.token_share:8.2%}  {share.types:12,} {share.type_share:8.2%}"


def _words(found: Coverage) -> str:
    return ", ".join(f"{word!r} {times:,}" for word, times in found.most_frequent)
