"""`embstore coverage`: how many words of a text are in a table."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Unpack

import click

from embstore.cli.options import FILE, as_json, reading_options, store_argument
from embstore.cli.policy import parse_policy
from embstore.cli.printing import print_json, print_text
from embstore.core.cures import renamed
from embstore.core.options import Reading
from embstore.ops.coverage import Coverage, Share, count_words, coverage
from embstore.ops.open import open as open_store
from embstore.words.policy import Policy, known_parts


@click.command("coverage")
@store_argument
@click.argument("corpus", type=FILE)
@click.option(
    "--oov",
    callback=parse_policy,
    metavar="POLICY",
    help=f"Policy for unknown words.  [default: the one in STORE]  Its parts: {known_parts()}.",
)
@click.option(
    "--top", type=click.IntRange(min=0), default=10, show_default=True, help="How many missing words to list."
)
@click.option("--corpus-member", metavar="NAME", help="Which file to read, if CORPUS is a zip.")
@as_json
@reading_options
def coverage_command(
    store: Path,
    corpus: Path,
    oov: Policy | None,
    top: int,
    corpus_member: str | None,
    as_json: bool,
    **reading: Unpack[Reading],
) -> None:
    """Count how many words of a text are in a table, and how many of the others each part of a policy finds.

    \b
    Arguments:
      STORE   a store, or any other file that embstore reads (--from, --vocab, --member ... apply to it)
      CORPUS  a text with words separated by white space, also inside gzip, bzip2, xz, zstd or a zip

    \b
    Examples:
      embstore coverage glove.6B.50d.safetensors corpus.txt --oov lower,digits,hash:1000
      embstore coverage glove.6B.50d.safetensors corpus.txt.gz --top 100 --json
    """  # noqa: D301
    table = open_store(store, **reading)
    with renamed(member="corpus_member"):
        words = count_words(corpus, corpus_member)
    found = coverage(table, words, oov, top=top)
    if as_json:
        print_json(asdict(found))
        return
    for line in _table(found):
        print_text(line)


def _table(found: Coverage) -> list[str]:
    shares = {"known": found.known, **found.rules, f"missing: {found.ending}": found.missing}
    width = max(map(len, shares))
    lines = [f"{'':{width}}  {'words':>21}  {'distinct words':>21}"]
    lines += [f"{name:{width}}  {_cells(share)}" for name, share in shares.items()]
    lines.append(f"{'total':{width}}  {found.tokens:12,}           {found.types:12,}")
    lines += [f"most frequent missing words: {_words(found)}"] * bool(found.most_frequent)
    return [line.rstrip() for line in lines]


def _cells(share: Share) -> str:
    return f"{share.tokens:12,} {share.token_share:8.2%}  {share.types:12,} {share.type_share:8.2%}"


def _words(found: Coverage) -> str:
    return ", ".join(f"{word!r} {times:,}" for word, times in found.most_frequent)
