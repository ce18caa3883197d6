"""The option --oov."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from embstore.words.policy import Policy


def parse_policy(_: click.Context, __: click.Parameter, text: str | None) -> Policy | None:
    """Parse the text of a policy; invalid text is wrong usage."""
    if text is None:
        return None
    from embstore.words.policy import Policy  # here: commands without a policy start faster

    try:
        return Policy.parse(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
