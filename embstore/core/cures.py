"""What messages tell their reader to type, in backticks: options, commands, lines of Python.

The same message reaches people at the command line, who type ``--dim 3``, and in Python, who type ``dim=3``: the
functions here write what fits. A message contains such text only as an argument of `cure`, which gives it a name; the
case of that name in tests/cures triggers the message, executes what stands in its backticks, and compares the table.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

OTHER_NAMES = {"format": "from"}
"""Names of options at the command line that differ from those in Python."""

Value = str | int | Path

_at_command_line = False


@contextlib.contextmanager
def for_command_line() -> Iterator[None]:
    """Write options as at the command line while the block runs, in all threads."""
    global _at_command_line
    before, _at_command_line = _at_command_line, True
    try:
        yield
    finally:
        _at_command_line = before


@contextlib.contextmanager
def renamed(**names: str) -> Iterator[None]:
    """Write options by other names at the command line while the block runs, in all threads."""
    before = dict(OTHER_NAMES)
    OTHER_NAMES.update(names)
    try:
        yield
    finally:
        OTHER_NAMES.clear()
        OTHER_NAMES.update(before)


def at_command_line() -> bool:
    """Return whether messages are for the command line, not for Python."""
    return _at_command_line


def cure(name: str, text: str) -> str:
    """Return the text unchanged. The test case with this name executes it: see the module."""
    del name
    return text


def option(**values: Value) -> str:
    """Return options with their values: ```--dim 3``` or ```dim=3```; a bool is a flag at the command line."""
    if _at_command_line:
        return f"`{' '.join(_flag(name, value) for name, value in values.items())}`"
    return f"`{_keywords(values)}`"


def option_name(name: str) -> str:
    """Return an option whose value the reader chooses: ```--key``` or ```key=```."""
    return f"`--{spelled(name)}`" if _at_command_line else f"`{name}=`"


def convert_command(source: Value, target: Value, **options: Value) -> str:
    """Return the command, or the line of Python, that converts a file."""
    if _at_command_line:
        words = [_quoted(path) for path in (source, target)]
        return f"`{' '.join(['embstore', 'convert', *words, *(_flag(*each) for each in options.items())])}`"
    keywords = f", {_keywords(options)}" if options else ""
    return f"`embstore.convert({str(source)!r}, {str(target)!r}{keywords})`"


def python(code: str) -> str:
    """Return lines of Python, separated by semicolons."""
    return f"`{code}`"


def shell(*words: Value) -> str:
    """Return a command of the shell, each word quoted where necessary; ``<`` and ``>`` redirect."""
    return f"`{' '.join(word if word in ('<', '>', '|') else _quoted(word) for word in map(str, words))}`"


def spelled(name: str) -> str:
    """Return the name of an option as its reader knows it, for messages that do not tell to type it."""
    return OTHER_NAMES.get(name, name).replace("_", "-") if _at_command_line else name


def _quoted(word: Value) -> str:
    import shlex  # here: programs without an error start faster

    return shlex.quote(str(word))


def _flag(name: str, value: Value) -> str:
    if isinstance(value, bool):
        return f"--{'' if value else 'no-'}{spelled(name)}"
    return f"--{spelled(name)} {_quoted(value)}"


def _keywords(values: dict[str, Value]) -> str:
    return ", ".join(f"{name}={_literal(value)}" for name, value in values.items())


def _literal(value: Value) -> str:
    return repr(value) if isinstance(value, int) else repr(str(value))
