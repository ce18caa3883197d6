"""The option --oov; apart from the other options, for commands that have no policy start faster without it."""

from __future__ import annotations

import click

from embstore.oov import Policy


def parse_policy(_: click.Context, __: click.Parameter, text: str | None) -> Policy | None:
    """Parse the text of a policy; wrong usage where it is none."""
    try:
        return None if text is None else Policy.parse(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
